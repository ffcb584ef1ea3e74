"""Where a call goes at a deployment: address, headers with the credential, body."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from gateway import __version__
from gateway.openai import native
from gateway.openai.form import FormReader
from gateway.openai.json_edit import add_defaults, swap_model
from gateway.openai.operations import Operation
from gateway.registry.deployments import Deployment
from gateway.upstream.google import GoogleTokens
from gateway.upstream.identity import EntraTokens, IdentityUnavailable
from gateway.upstream.providers import PROVIDERS
from gateway.upstream.request_head import Address, header_lines
from gateway.upstream.spool import Spool, SpooledBody

# Compressed event streams can't be read on the way; an upstream that compresses all the same is relayed unread.
_OWN_HEADERS = (("user-agent", f"roundhouse/{__version__}"), ("accept-encoding", "identity"))

# Callers name api-versions, and some make them up: what they can fill has an end.
KEPT_ADDRESSES = 4096

# The first of Azure's api-versions whose chat knows them (2024-09-01-preview).
STREAM_OPTIONS_SINCE = "2024-09"


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body: what was read of it, and all of it."""

    reader: FormReader
    spool: Spool


class Call(msgspec.Struct, frozen=True):
    """What a caller wants sent.

    path: below the version prefix, ids as the upstream knows them; on a pass-through the native path. query: passed on,
    without the api-version. headers: the lines of those that may pass. names_thing: the call is about a thing that
    lives at one deployment, so a 404 is an answer and not a fault of the pool's. asking_usage: the body with the wish
    added that a stream tell what was used; None where there is nothing to add.
    """

    operation: Operation
    method: str
    path: str
    query: str
    body: bytes | Form
    headers: bytes
    api_version: str | None
    names_thing: bool = False
    asking_usage: bytes | None = None


class Targets:
    """Turns a call and a deployment into a request; remembers addresses and credentials until the registry changes.

    What is remembered belongs to one object, not to an id: a call that began before a change may ask for the old
    deployment after it. Each object is kept with what was made of it, so its `id()` is no other's meanwhile.
    """

    def __init__(self, default_api_version: str, entra: EntraTokens, google: GoogleTokens) -> None:
        self._default_api_version = default_api_version
        self._entra = entra
        self._google = google
        self._addresses: dict[tuple[int, str, str | None], tuple[Deployment, Address]] = {}
        self._own_lines: dict[tuple[int, bool], tuple[Deployment, bytes]] = {}

    def forget(self) -> None:
        """The registry changed: prepare everything anew."""
        self._addresses.clear()
        self._own_lines.clear()

    def url(self, deployment: Deployment, call: Call) -> Address:
        """The address: the deployment's api-version wins, then the caller's, then the default."""
        version = deployment.api_version or call.api_version
        # Paths with an id, and what a query adds, would fill the memory with addresses that are used once.
        plain = not call.query and not call.names_thing and not call.operation.native
        key = (id(deployment), call.path, version)
        kept = self._addresses.get(key) if plain else None
        if kept is not None:
            return kept[1]
        path = call.path
        provider = PROVIDERS[deployment.provider]
        if call.operation.native:
            name, root = deployment.deployment_name, provider.root(deployment)
            path = quote(native.upstream_path(call.operation.name, path, name, root), safe="/:%")
        text = provider.url(deployment, call.operation.name, path, version, self._default_api_version)
        if call.query:
            text += ("&" if "?" in text else "?") + call.query
        address = Address.parse(text)
        if plain and len(self._addresses) < KEPT_ADDRESSES:
            self._addresses[key] = (deployment, address)
        return address

    def knows_stream_options(self, deployment: Deployment, call: Call) -> bool:
        """Whether the API that the call is sent by can have `stream_options`; Azure's older versions refuse them."""
        version = deployment.api_version or call.api_version or self._default_api_version
        return deployment.provider != "azure" or not version[:1].isdigit() or version >= STREAM_OPTIONS_SINCE

    def known_lines(self, deployment: Deployment, call: Call) -> bytes | None:
        """What `own_lines` answers, where that is known already."""
        kept = self._own_lines.get((id(deployment), call.operation.native))
        return None if kept is None else kept[1]

    async def own_lines(self, deployment: Deployment, call: Call) -> bytes:
        """The gateway's own header lines, with the deployment's credential; raises IdentityUnavailable."""
        operation = call.operation
        credential, lasts = await self._credential(deployment, operation)
        try:
            lines = header_lines([*_OWN_HEADERS, *credential])
        except ValueError:
            raise IdentityUnavailable("its key can't be sent in a header") from None
        if lasts:
            self._own_lines[id(deployment), operation.native] = (deployment, lines)
        return lines

    async def _credential(self, deployment: Deployment, operation: Operation) -> tuple[list[tuple[str, str]], bool]:
        """The credential's header, if there is one, and whether it is the same for the next call."""
        if deployment.auth == "managed_identity":
            return [("authorization", f"Bearer {await self._entra.bearer()}")], False
        provider = PROVIDERS[deployment.provider]
        key = deployment.endpoint_key
        if not key:
            return [], True
        scheme = (provider.native_key or provider.key) if operation.native else provider.key
        if scheme == "google":
            return [("authorization", f"Bearer {await self._google.bearer(key)}")], False
        return [("authorization", f"Bearer {key}") if scheme == "bearer" else (scheme, key)], True

    def body(self, deployment: Deployment, call: Call) -> bytes | SpooledBody:
        """The caller's own bytes; the model's name is swapped where the address does not carry it."""
        operation, body = call.operation, call.body
        in_address = PROVIDERS[deployment.provider].names_model_in_address(operation.name)
        named = operation.model_in_body and not in_address
        if isinstance(body, Form):
            if not named:
                return SpooledBody(body.spool)
            return SpooledBody(body.spool, *body.reader.model_edit(deployment.deployment_name))
        if not body:
            return body
        if deployment.defaults:
            body = add_defaults(body, deployment.defaults)
        return swap_model(body, deployment.deployment_name) if named else body
