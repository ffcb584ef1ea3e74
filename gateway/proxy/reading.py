"""Read a request as far as routing needs it: which model, which things it is about, what it may cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from gateway.asgi import CallerGone, Receive, Scope, read_body, too_large
from gateway.errors import InvalidRequest, NotFound
from gateway.limits.rates import estimated_tokens
from gateway.openai import headers as wire_headers
from gateway.openai import native
from gateway.openai.form import FormReader
from gateway.openai.operations import Action
from gateway.openai.query import read_query
from gateway.openai.request import JsonCall, read_call
from gateway.openai.routes import Route
from gateway.openai.thing_ids import MARK, Home, ThingIds, UnknownThing
from gateway.upstream.spool import Spool
from gateway.upstream.target import Call, Form

# A form larger than this goes to disk while it arrives.
SPOOL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asked for. home: the digest of the one deployment that can answer, if the call is about a thing
    that lives there. affinity: what it has in common with calls that should stay together. tokens: an estimate.
    arrived: when the last byte of it came, by time.perf_counter; how long a caller takes to send is the caller's."""

    call: Call
    arrived: float
    model: str | None
    home: str | None = None
    affinity: str | None = None
    tokens: int = 0

    def close(self) -> None:
        """Give back what the body holds."""
        if isinstance(self.call.body, Form):
            self.call.body.spool.close()


async def read_request(
    scope: Scope, receive: Receive, route: Route, action: Action, ids: ThingIds, limit: int
) -> Asked:
    """Read one request whole. Raises InvalidRequest, BodyTooLarge, NotFound for an id that is not the caller's, and
    CallerGone."""
    version, query = read_query(scope.get("query_string", b""))
    path = _path(route, action, ids)
    headers = wire_headers.to_upstream(scope["headers"])
    if action.body == "form":
        form = await _read_form(scope, receive, limit)
        arrived = time.perf_counter()
        call = Call(route.operation, action.method, path, urlencode(query), form, headers, version)
        tokens = estimated_tokens(min(form.spool.length, SPOOL_BYTES), 0)
        return Asked(call, arrived, route.model or form.reader.model, tokens=tokens)
    body = await read_body(receive, limit)
    arrived = time.perf_counter()
    asked = read_call(body) if action.body == "json" or _is_anthropic_json(route, body) else JsonCall()
    home = home_of(ids, route, body, asked)
    if route.operation.mentions_things and MARK in body:
        body = ids.to_upstream(body)
    call = Call(
        operation=route.operation,
        method=action.method,
        path=path,
        query=urlencode(query),
        body=body if action.body != "none" else b"",
        headers=headers,
        api_version=version,
        names_thing=home is not None,
    )
    return Asked(
        call,
        arrived,
        route.model or asked.model or native.model_in_path(route.operation.name, path),
        home=home,
        affinity=asked.affinity(),
        tokens=estimated_tokens(len(body), asked.most_output_tokens()),
    )


def _path(route: Route, action: Action, ids: ThingIds) -> str:
    """The path as the upstream knows it."""
    if route.native_path is not None:
        return route.native_path
    if route.id is None:
        return action.path
    return action.path.replace("{id}", quote(_home(ids, route.id).upstream_id, safe=""))


def _is_anthropic_json(route: Route, body: bytes) -> bool:
    return route.operation.native and route.operation.model_in_body and bool(body)


def _home(ids: ThingIds, issued: str) -> Home:
    try:
        return ids.read(issued)
    except UnknownThing:
        raise unknown_thing(issued) from None


def home_of(ids: ThingIds, route: Route, body: bytes, asked: JsonCall) -> str | None:
    """The digest of the one deployment where everything lives that a call names or mentions; None for nothing.

    Raises NotFound for an id that is not the caller's, InvalidRequest for things that live apart.
    """
    named = [route.id]
    if route.operation.id_prefixes:
        # What these two fields hold must live somewhere: an id that was never issued can't be found anywhere.
        named += [each for each in (asked.previous_response_id, asked.input_file_id) if isinstance(each, str)]
    tags = {_home(ids, each).tag for each in named if each}
    if route.operation.mentions_things and MARK in body:
        try:
            tags |= {home.tag for home in ids.homes(body)}
        except UnknownThing as unknown:
            raise unknown_thing(str(unknown)) from None
    if len(tags) > 1:
        raise InvalidRequest(
            "The call mentions things that live at different deployments; use those that were made together.",
            code="things_apart",
        )
    return tags.pop() if tags else None


def unknown_thing(issued: str) -> NotFound:
    """The 404 of an id that nobody made, or somebody else."""
    return NotFound(f"No such response, file or batch: '{issued[:100]}'.")


async def _read_form(scope: Scope, receive: Receive, limit: int) -> Form:
    """Take in a form without holding it in memory; what is too large for that goes to disk."""
    reader = FormReader(next((value for name, value in scope["headers"] if name == b"content-type"), b""))
    spool = Spool(SPOOL_BYTES)
    try:
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise CallerGone
            chunk = message.get("body", b"")
            if spool.length + len(chunk) > limit:
                raise too_large(limit)
            reader.feed(chunk)
            spool.write(chunk)
            if not message.get("more_body"):
                reader.finish()
                return Form(reader, spool)
    except BaseException:
        spool.close()
        raise
