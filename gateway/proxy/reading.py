"""Read a request as far as routing needs it: which model, which things it is about, what it may cost."""

from __future__ import annotations

import time
from urllib.parse import quote, urlencode

import msgspec
from msgspec.structs import replace

from gateway.asgi import CallerGone, Receive, Scope, read_body, too_large
from gateway.errors import InvalidRequest, NotFound
from gateway.limits.rates import estimated_tokens
from gateway.openai import headers as wire_headers
from gateway.openai import native
from gateway.openai.form import FormReader
from gateway.openai.operations import Action
from gateway.openai.output_limits import cap_output
from gateway.openai.query import read_query
from gateway.openai.request import JsonCall, read_call
from gateway.openai.routes import Route
from gateway.openai.stream_options import ask_usage
from gateway.openai.thing_ids import MARK, Home, ThingIds, UnknownThing
from gateway.upstream.spool import Spool
from gateway.upstream.target import Call, Form

# What is known of a body that was not read.
UNREAD = JsonCall()
# A form larger than this goes to disk while it arrives.
SPOOL_BYTES = 1024 * 1024


class Asked(msgspec.Struct, frozen=True):
    """What a caller asked for. home: the digest of the one deployment that can answer, if the call is about a thing
    that lives there. affinity: what it has in common with calls that should stay together. tokens: an estimate of both
    sides, input_tokens of what was sent alone. fields: what was read of a JSON body. most_output: the limit that this
    sets to an answer, in tokens; 0 for none.
    arrived: when the last byte of it came, by time.perf_counter; how long a caller takes to send is the caller's."""

    call: Call
    arrived: float
    model: str | None
    home: str | None = None
    affinity: str | None = None
    tokens: int = 0
    input_tokens: int = 0
    fields: JsonCall = UNREAD
    most_output: int = 0

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
    path = action.path if route.id is None and route.native_path is None else _path(route, action, ids)
    headers = wire_headers.to_upstream(scope["headers"])
    if action.body == "form":
        form = await _read_form(scope, receive, limit)
        arrived = time.perf_counter()
        call = Call(route.operation, action.method, path, urlencode(query), form, headers, version)
        tokens = estimated_tokens(min(form.spool.length, SPOOL_BYTES), 0)
        return Asked(call, arrived, route.model or form.reader.model, tokens=tokens, input_tokens=tokens)
    body = await read_body(receive, limit)
    arrived = time.perf_counter()
    asked = _fields(route, action, body)
    home = home_of(ids, route, body, asked)
    input_tokens, most_output = estimated_tokens(len(body), 0), asked.most_output_tokens()
    if route.operation.mentions_things and MARK in body:
        body = ids.to_upstream(body)
    call = Call(
        operation=route.operation,
        method=action.method,
        path=path,
        query=urlencode(query) if query else "",
        body=body if action.body != "none" else b"",
        headers=headers,
        api_version=version,
        names_thing=home is not None,
    )
    return Asked(
        call,
        arrived,
        route.model or (native.model_in_path(route.operation.name, path) if route.native_path else None) or asked.model,
        home=home,
        affinity=asked.affinity(),
        tokens=input_tokens + most_output,
        input_tokens=input_tokens,
        fields=asked,
        most_output=most_output,
    )


def completed(asked: Asked, default_model: str | None, most_output: int | None) -> Asked:
    """The call with what its caller left out: a model, if the tenant has one by default; a limit of its output, if the
    tenant has one; the wish that its stream tell what was used.

    The last two are edits of the body that touch no other byte of it.
    """
    if asked.model is None and default_model is not None and asked.home is None:
        asked = replace(asked, model=default_model)
    body = asked.call.body
    if not isinstance(body, bytes) or asked.fields is UNREAD:
        return asked
    if most_output is not None:
        body = cap_output(body, asked.call.operation.name, most_output, asked.model)
        fields = read_call(body)
        most_output = fields.most_output_tokens()
        asked = replace(asked, call=replace(asked.call, body=body), fields=fields, most_output=most_output)
    if asked.fields.stream and asked.call.operation.stream_end:
        asked = replace(asked, call=replace(asked.call, asking_usage=ask_usage(body)))
    return asked


def _path(route: Route, action: Action, ids: ThingIds) -> str:
    """The path as the upstream knows it."""
    if route.native_path is not None:
        return route.native_path
    if route.id is None:
        return action.path
    return action.path.replace("{id}", quote(_home(ids, route.id).upstream_id, safe=""))


def _fields(route: Route, action: Action, body: bytes) -> JsonCall:
    """What is read of a body. Of a provider's own API only Anthropic's has to be readable: it names the model."""
    if action.body == "json" or (route.operation.native and route.operation.model_in_body and body):
        return read_call(body)
    if action.body != "any" or not body:
        return UNREAD
    try:
        return read_call(body)
    except InvalidRequest:
        return UNREAD


def _home(ids: ThingIds, issued: str) -> Home:
    try:
        return ids.read(issued)
    except UnknownThing:
        raise unknown_thing(issued) from None


def home_of(ids: ThingIds, route: Route, body: bytes, asked: JsonCall) -> str | None:
    """The digest of the one deployment where everything lives that a call names or mentions; None for nothing.

    Raises NotFound for an id that is not the caller's, InvalidRequest for things that live apart.
    """
    mentions = route.operation.mentions_things and MARK in body
    if route.id is None and not route.operation.id_prefixes and not mentions:
        return None
    named = [route.id]
    if route.operation.id_prefixes:
        # What these two fields hold must live somewhere: an id that was never issued can't be found anywhere.
        named += [each for each in (asked.previous_response_id, asked.input_file_id) if isinstance(each, str)]
    tags = {_home(ids, each).tag for each in named if each}
    if mentions:
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
