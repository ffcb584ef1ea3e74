"""The gateway's settings: the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


def setting(env: str, default: Any, help: str, *, secret: bool = False, words: tuple[str, ...] = ()) -> Any:
    """One setting: the variable, its default, what it means (unit included), the only words that it takes."""
    return field(
        default=default, repr=not secret, metadata={"env": env, "help": help, "secret": secret, "words": words}
    )


def _allowed(env: str, default: str, help: str) -> Any:
    """A setting that says whether something may happen."""
    return setting(env, default, f"{help}: allow, refuse", words=("allow", "refuse"))


class SettingError(ValueError):
    """A variable of the environment holds something that the setting can't be."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator can set. Times are seconds; every field's metadata has `env`, `help` and `secret`."""

    storage_connection: str | None = setting(
        "AzureWebJobsStorage", None, "connection string of the storage account", secret=True
    )
    tables_endpoint: str | None = setting(
        "TABLES_ENDPOINT", None, "table service address, reached with DefaultAzureCredential; wins over the former"
    )
    encryption_key: str | None = setting(
        "GATEWAY_ENCRYPTION_KEY",
        None,
        "base64 of 32 bytes; seals provider keys at rest. Several, separated by commas: the first seals, all open",
        secret=True,
    )
    refresh_seconds: float = setting("GATEWAY_REFRESH_SECONDS", 2.0, "how often the registry looks for changes")
    deadline_seconds: float = setting(
        "GATEWAY_DEADLINE_SECONDS", 220.0, "for all attempts of a call up to its first byte; under the platform's 230"
    )
    attempt_seconds: float = setting(
        "GATEWAY_ATTEMPT_SECONDS", 100.0, "for one attempt's first byte while another deployment is left"
    )
    connect_seconds: float = setting("GATEWAY_CONNECT_SECONDS", 5.0, "for connecting to an upstream")
    stream_idle_seconds: float = setting(
        "GATEWAY_STREAM_IDLE_SECONDS", 120.0, "longest silence of an upstream inside an answer"
    )
    keepalive_seconds: float = setting(
        "GATEWAY_KEEPALIVE_SECONDS", 15.0, "silence after which an event stream gets a comment, so that it stays open"
    )
    max_body_bytes: int = setting("GATEWAY_MAX_BODY_BYTES", 100 * 1024 * 1024, "largest request body; over it: 413")
    max_attempts: int = setting("GATEWAY_MAX_ATTEMPTS", 4, "most deployments tried for one call")
    cooldown_seconds: float = setting(
        "GATEWAY_COOLDOWN_SECONDS", 10.0, "rest of a failed deployment when the upstream named no time"
    )
    cooldown_cap_seconds: float = setting(
        "GATEWAY_COOLDOWN_CAP_SECONDS", 120.0, "longest rest, whatever the upstream says"
    )
    azure_api_version: str = setting(
        "GATEWAY_AZURE_API_VERSION", "2024-10-21", "api-version when neither deployment nor caller gives one"
    )
    when_storage_fails: str = _allowed(
        "GATEWAY_WHEN_STORAGE_FAILS",
        "refuse",
        "calls of tenants with limits, once what was leased of them is spent while storage is down",
    )
    unconfigured_tenants: str = _allowed(
        "GATEWAY_UNCONFIGURED_TENANTS", "allow", "calls of tenants for which no tenant model is configured"
    )
    unpriced_models: str = _allowed(
        "GATEWAY_UNPRICED_MODELS", "refuse", "calls of models without a known price, by tenants with a money limit"
    )
    assumed_output_tokens: int = setting(
        "GATEWAY_ASSUMED_OUTPUT_TOKENS", 512, "output reserved, of limits, for a call that names no most of its own"
    )
    usage_flush_seconds: float = setting(
        "GATEWAY_USAGE_FLUSH_SECONDS", 5.0, "how often usage is written; what a killed process loses at most"
    )
    usage_spill_directory: str | None = setting(
        "GATEWAY_USAGE_SPILL_DIRECTORY", None, "where usage waits for a storage that is down; default: a temporary one"
    )
    webhook_private_targets: str = _allowed(
        "GATEWAY_WEBHOOK_PRIVATE_TARGETS", "refuse", "webhooks to private, loopback and link-local addresses"
    )
    port: int = setting("PORT", 7071, "port of the local server; a deployed gateway does not use it")
    log_level: str = setting("GATEWAY_LOG_LEVEL", "WARNING", "DEBUG, INFO, WARNING or ERROR")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read every setting; a value of the wrong kind is a SettingError that names the variable."""
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for each in fields(cls):
            env, default = each.metadata["env"], each.default
            text = environ.get(env, "").strip()
            if not text:
                continue
            kind = type(default) if isinstance(default, int | float) else str
            try:
                values[each.name] = kind(text)
            except ValueError:
                raise SettingError(f"{env} must be a {kind.__name__}, not {text!r}") from None
            if kind is not str and not values[each.name] > 0:
                raise SettingError(f"{env} must be over 0, not {text!r}")
            words = each.metadata["words"]
            if words and text not in words:
                raise SettingError(f"{env} must be one of {', '.join(words)}, not {text!r}")
        return cls(**values)
