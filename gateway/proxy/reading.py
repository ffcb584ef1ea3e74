"""Read a request as far as routing needs it: which model, which things it is about, what it may cost."""

from __future__ import annotations

import time

import msgspec
from msgspec.structs import replace

from gateway.asgi import CallerGone, Receive, read_body, too_large
from gateway.errors import InvalidRequest
from gateway.limits.rates import estimated_tokens
from gateway.openai import native
from gateway.openai.form import FormReader
from gateway.openai.operations import Action
from gateway.openai.output_limits import cap_output
from gateway.openai.request import JsonCall, read_call
from gateway.openai.routes import Route
from gateway.openai.stream_options import ask_usage
from gateway.openai.thing_ids import MARK, ThingIds, UnknownThing
from gateway.proxy.head import Head, home, unknown_thing
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


async def read_request(head: Head, receive: Receive, limit: int) -> Asked:
    """Read the rest of a request. Raises InvalidRequest, BodyTooLarge, NotFound for an id that is not the caller's, and
    CallerGone."""
    route, action, ids = head.route, head.action, head.ids
    if action.body == "form":
        form = await _read_form(head.content_type, receive, limit)
        arrived = time.perf_counter()
        call = Call(route.operation, action.method, head.path, head.query, form, head.headers, head.api_version)
        tokens = estimated_tokens(min(form.spool.length, SPOOL_BYTES), 0)
        return Asked(call, arrived, route.model or form.reader.model, tokens=tokens, input_tokens=tokens)
    body = await read_body(receive, limit)
    arrived = time.perf_counter()
    asked = _fields(route, action, body)
    lives_at = home_of(ids, route, body, asked)
    input_tokens, most_output = estimated_tokens(len(body), 0), asked.most_output_tokens()
    if route.operation.mentions_things and MARK in body:
        body = ids.to_upstream(body)
    call = Call(
        route.operation,
        action.method,
        head.path,
        head.query,
        body if action.body != "none" else b"",
        head.headers,
        head.api_version,
        lives_at is not None,
    )
    return Asked(
        call,
        arrived,
        route.model
        or (native.model_in_path(route.operation.name, head.path) if route.native_path else None)
        or asked.model,
        lives_at,
        asked.affinity(),
        input_tokens + most_output,
        input_tokens,
        asked,
        most_output,
    )


def _model_in_path(head: Head) -> str | None:
    """The model that a native path names."""
    route = head.route
    return native.model_in_path(route.operation.name, head.path) if route.native_path is not None else None


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
    tags = {home(ids, each).tag for each in named if each}
    if mentions:
        try:
            tags |= {each.tag for each in ids.homes(body)}
        except UnknownThing as unknown:
            raise unknown_thing(str(unknown)) from None
    if len(tags) > 1:
        raise InvalidRequest(
            "The call mentions things that live at different deployments; use those that were made together.",
            code="things_apart",
        )
    return tags.pop() if tags else None


async def _read_form(content_type: bytes, receive: Receive, limit: int) -> Form:
    """Take in a form without holding it in memory; what is too large for that goes to disk."""
    reader = FormReader(content_type)
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
