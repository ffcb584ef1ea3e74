"""The rules that fields share, each one checked, worded for people, and shown in OpenAPI from one place."""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from gateway.management import credentials
from gateway.openai import operations
from gateway.openai.query import API_VERSION, API_VERSION_RULE
from gateway.registry import names
from gateway.registry.deployments import enabled_operations
from gateway.registry.endpoints import Status
from gateway.registry.tenants import PERMISSIONS
from gateway.upstream.providers import PROVIDERS

MAX_MODELS = 100
MAX_TAGS = 20
MAX_SPELLING = 64
MAX_PARAMETERS = 8192
NOT_PARAMETERS = {
    "model": "each model of an endpoint has its own",
    "stream": "that is the caller's to choose",
    "api_key": "store it with keys/create, and name it in key_id",
}
# Table storage keeps an integer in 32 bits.
MAX_PER_MINUTE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """Text that matches a pattern whole. `rule` says in words what does; `longest` is in characters."""

    pattern: re.Pattern[str]
    rule: str
    longest: int

    def check(self, text: str) -> str:
        """The text itself, or ValueError with the rule; the text is never repeated, for it may be a secret."""
        if self.pattern.fullmatch(text) is None:
            raise ValueError(f"must be {self.rule}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        pattern = f"^(?:{self.pattern.pattern})$"
        limits = {"minLength": 1, "maxLength": self.longest, "pattern": pattern, "x-rule": self.rule}
        return {**handler(schema), **limits}


@dataclass(frozen=True, slots=True)
class OneOf:
    """Text that is one of a few words."""

    words: tuple[str, ...]

    def check(self, text: str) -> str:
        """The text itself, or ValueError with the words, the likeliest first."""
        if text not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}{suggestion(text, self.words)}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.words)}


def suggestion(text: str, known: Iterable[str]) -> str:
    """`; did you mean …?` when one of the known words is close, else nothing."""
    close = difflib.get_close_matches(text[:64].lower(), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _label(longest: int) -> Shape:
    """A text for people: any script, one line, no space at either end."""
    control = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
    pattern = rf"[^\s{control}](?:[^{control}]{{0,{longest - 2}}}[^\s{control}])?"
    return Shape(re.compile(pattern), f"1 to {longest} characters on one line, no space at either end", longest)


_HOST_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_URL = re.compile(
    rf"https?://(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?"
    r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
)
URL = Shape(
    _URL,
    "http:// or https:// with a host, and perhaps a port and a path; no credentials, query or fragment;"
    " 512 characters at most",
    512,
)


def reachable(shape: Shape) -> Callable[[str], str]:
    """Checks what a pattern can't say of an address: its length, its port's range, an IPv6 address that is one."""

    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            right = len(url) <= shape.longest and parts.port != 0
            if "[" in parts.netloc:
                ipaddress.IPv6Address(parts.hostname or "")
        except ValueError:
            right = False
        if not right:
            raise ValueError(f"must be {shape.rule}")
        return url

    return check


def unique(values: list[str]) -> list[str]:
    """The values, each of them there once."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"must not name {value!r} twice")
        seen.add(value)
    return values


def _enabled(value: object) -> tuple[str, ...]:
    """The names of the enabled operations, from seed 000's dictionary or its legacy list."""
    if isinstance(value, dict):
        if not all(switch is True or switch is False for switch in value.values()):
            raise ValueError("must say true or false of each operation")
    elif not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("must be an object (operation: true or false) or a list of operations")
    if any(len(each) > 64 for each in value):
        raise ValueError(f"must name known operations only: {', '.join(operations.BY_NAME)}")
    enabled = enabled_operations(value)
    if not enabled:
        raise ValueError(f"must enable at least one operation of {', '.join(operations.BY_NAME)}")
    return enabled


def _utc(value: object) -> datetime:
    """A moment, in UTC. One without an offset is taken as UTC."""
    rule = "must be a date and time such as 2026-11-20T09:00:00Z, not before 1970"
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError(rule)
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(rule) from None
    if moment.year < 1970:
        raise ValueError(rule)
    return moment


def _operation(text: str) -> str:
    """The name of the operation that is meant, by whatever it was spelled."""
    operation = operations.spelled(text) if len(text) <= MAX_SPELLING else None
    if operation is None:
        raise ValueError(f"must be one of {', '.join(operations.BY_NAME)}{suggestion(text, operations.BY_NAME)}")
    return operation.name


def _parameters(value: dict[str, Any]) -> dict[str, Any]:
    for name, why in NOT_PARAMETERS.items():
        if name in value:
            raise ValueError(f"must not hold {name!r}: {why}")
    try:
        size = len(json.dumps(value, allow_nan=False))
    except ValueError:
        raise ValueError("must hold only what JSON can: neither NaN nor Infinity") from None
    if size > MAX_PARAMETERS:
        raise ValueError(f"must be at most {MAX_PARAMETERS:,} characters as JSON")
    return value


NAME = Shape(names.NAME, names.NAME_RULE, 64)
# A service account's file has spaces and line ends; which of the two it must be depends on the provider.
_SECRET = re.compile(rf"{credentials.PLAIN.pattern}|\s*\{{[\s\S]{{0,{credentials.LONGEST - 2}}}\}}\s*")
SECRET = Shape(
    _SECRET, f"{credentials.PLAIN_RULE}; for provider vertex {credentials.ACCOUNT_RULE}", credentials.LONGEST
)
DEPLOYMENT = Shape(
    re.compile(rf"(?:(?:{'|'.join(operations.BY_CLASS)})/)?{names.NAME.pattern}"),
    "a deployment's friendly name, or class/name",
    100,
)

Name = Annotated[str, NAME]
Model = Annotated[str, Shape(names.MODEL, names.MODEL_RULE, 128)]
Resource = Annotated[str, Shape(names.RESOURCE, names.RESOURCE_RULE, 63)]
ApiVersion = Annotated[str, Shape(API_VERSION, API_VERSION_RULE, 18)]
Secret = Annotated[str, SECRET]
Label = Annotated[str, _label(64)]
TagText = Annotated[str, _label(256)]
TenantName = Annotated[str, _label(128)]
EndpointUrl = Annotated[str, URL, AfterValidator(reachable(URL))]

DeploymentClass = Annotated[str, OneOf(tuple(operations.BY_CLASS))]
ProviderName = Annotated[str, OneOf(tuple(PROVIDERS))]
Auth = Annotated[str, OneOf(("key", "managed_identity"))]
Method = Annotated[str, OneOf(("GET", "POST", "PUT", "PATCH", "DELETE"))]
CallPath = Annotated[
    str,
    Shape(re.compile(r"/[!-~]{0,511}"), "a path: '/' and up to 511 printable ASCII characters without spaces", 512),
]
CallBody = Annotated[dict[str, Any], Field(max_length=1000)]
Which = Annotated[str, OneOf(("all", "active"))]
EndpointStatus = Annotated[str, OneOf(get_args(Status))]
DeploymentName = Annotated[str, DEPLOYMENT]
OperationName = Annotated[
    str,
    AfterValidator(_operation),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_SPELLING,
            "pattern": "^[A-Za-z0-9_/-]+$",
            "x-rule": f"one of {', '.join(operations.BY_NAME)}, or its class or path",
        }
    ),
]

Models = Annotated[
    list[Model],
    Field(max_length=MAX_MODELS, json_schema_extra={"uniqueItems": True}),
    AfterValidator(unique),
]
Permissions = Annotated[
    list[Annotated[str, OneOf(PERMISSIONS)]],
    Field(max_length=len(PERMISSIONS), json_schema_extra={"uniqueItems": True}),
    AfterValidator(unique),
]
Tags = Annotated[dict[Label, TagText], Field(max_length=MAX_TAGS)]
PerMinute = Annotated[int, Field(ge=1, le=MAX_PER_MINUTE)]
Weight = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Priority = Annotated[int, Field(ge=0, le=100)]
Parameters = Annotated[dict[str, Any], Field(max_length=64), AfterValidator(_parameters)]
Utc = Annotated[datetime, PlainValidator(_utc), WithJsonSchema({"type": "string", "format": "date-time"})]
SupportedEndpoints = Annotated[
    tuple[str, ...],
    PlainValidator(_enabled),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "boolean"}, "minProperties": 1},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]
