"""How an answer begins: told the short way or the long one, it is the same; and no name makes a header of itself."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.openai.operations import BY_NAME
from gateway.proxy.attempt import _begin, _served_whole
from gateway.upstream.target import Call
from tests.builders import deployment
from tests.fakes.upstream import FakeAnswer, FakeSession
from tests.unit.proxy.plane import Plane

CALL = Call(BY_NAME["chat"], "POST", "chat/completions", "", b"{}", b"", None)
TYPES = (b"application/json", b"application/json; charset=utf-8", b"text/event-stream", b"audio/mpeg", b"")
ENCODINGS = (None, b"identity", b"gzip")


def answer(status: int, kind: bytes, encoding: bytes | None, delimited: bool, parts: int) -> FakeAnswer:
    headers = [(b"Content-Type", kind)] + ([(b"content-encoding", encoding)] if encoding is not None else [])
    return FakeAnswer(status, headers, [b'{"choices":[{"delta":{"content":"a"}}]}\n\n', b" "][:parts], delimited)


@pytest.mark.parametrize("made", list(product((200, 201, 204, 400, 429, 500), TYPES, ENCODINGS, (True, False), (1, 2))))
async def test_the_short_way_to_an_answer_ends_where_the_long_one_does(made: tuple) -> None:
    short, long = answer(*made), answer(*made)
    attempt = _served_whole(short)  # type: ignore[arg-type]
    if attempt is None:
        assert short.chunks == long.chunks and not short.closed
        return
    same = await _begin(long, CALL)  # type: ignore[arg-type]
    assert (attempt.outcome, attempt.answer) == (same.outcome, same.answer)
    assert short.closed and long.closed and made[:2] in ((200, TYPES[0]), (200, TYPES[1]))


async def test_a_name_with_a_line_break_makes_no_header_of_its_own() -> None:
    made = deployment("ea\r\nset-cookie: a\0", resource_name="east", endpoint_key="k", deployment_name="gpt")
    reply = await Plane(FakeSession(east=FakeAnswer()), made).post()
    assert reply.status == 200 and "set-cookie" not in reply.headers
    assert reply.headers["x-gateway-deployment"] == "easet-cookie: a"
