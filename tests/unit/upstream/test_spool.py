"""Bodies that do not stay in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.spool import PIECE, Spool, SpooledBody


async def whole(body):
    return b"".join([piece async for piece in body.pieces()])


@pytest.mark.parametrize("threshold", [0, 10, 10**9])
async def test_what_was_written_is_read_again_and_again(threshold):
    spool = Spool(threshold)
    for part in (b"hello", b" ", b"world" * PIECE):
        spool.write(part)
    body = SpooledBody(spool)
    for _ in range(2):
        assert await whole(body) == b"hello " + b"world" * PIECE
    assert body.length == spool.length == 6 + 5 * PIECE
    spool.close()


@pytest.mark.parametrize("threshold", [0, 10**9])
async def test_an_edit_replaces_some_bytes(threshold):
    spool = Spool(threshold)
    spool.write(b"model=old;rest")
    body = SpooledBody(spool, 6, 9, b"newer")
    assert await whole(body) == b"model=newer;rest"
    assert body.length == len(b"model=newer;rest")
    spool.close()


@given(st.lists(st.binary(max_size=30)), st.integers(0, 60))
def test_memory_holds_no_more_than_the_threshold(parts, threshold):
    spool = Spool(threshold)
    for part in parts:
        spool.write(part)
    assert spool.length == sum(map(len, parts))
    assert len(spool._memory) <= threshold
    spool.close()
