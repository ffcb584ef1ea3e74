"""An embeddings call that keeps its vectors, on its way through the data plane."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, StorageUnavailable, UpstreamError, UpstreamUnreachable
from gateway.openai.operations import BY_NAME
from gateway.proxy.attempt import Answer
from gateway.proxy.collections import Keeper
from gateway.storage.memory import MemoryTables
from gateway.upstream.session import ConnectionFailed
from tests.fakes.upstream import HANG, FakeAnswer
from tests.unit.vectors.shelves import TENANT, answered, collections, find, keeping

BODY = b'{"input":"a","collection":"docs","ids":["x"]}'
JSON = [(b"Content-Type", b"application/json")]
ANSWER = answered([1, 0])


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def keeper(tables: MemoryTables) -> Keeper:
    return Keeper(collections(tables), 0.01)


def answer(*chunks: Any, held: bytes = ANSWER, **fields: Any) -> Answer:
    """An answer of which `held` was read; more chunks come."""
    rest: Any = FakeAnswer(chunks=list(chunks)) if chunks else None
    return Answer(**{"status": 200, "headers": JSON, "held": held, "rest": rest, "is_stream": False, **fields})


def test_an_embeddings_call_gives_up_the_gateways_own_fields(keeper: Keeper) -> None:
    body, kept = keeper.take(BY_NAME["embedding"], BODY)
    assert body == b'{"input":"a"}'
    assert kept is not None and (kept.collection, kept.ids) == ("docs", ("x",))
    assert keeper.take(BY_NAME["embedding"], body) == (body, None)


def test_every_other_call_keeps_its_fields(keeper: Keeper) -> None:
    for operation in BY_NAME.values():
        if operation.name != "embedding":
            assert keeper.take(operation, BODY) == (BODY, None)


def test_a_name_that_can_be_no_collections_is_refused_before_the_call(keeper: Keeper) -> None:
    with pytest.raises(InvalidRequest, match="1 to 64 letters") as refused:
        keeper.take(BY_NAME["embedding"], b'{"input":"a","collection":"a/b"}')
    assert refused.value.param == "collection"


async def test_an_answer_is_kept_and_stays_as_it_is(keeper: Keeper, tables: MemoryTables) -> None:
    given = answer()
    await keeper.keep(TENANT, keeping("x"), "m", given)
    assert given.held == ANSWER
    assert await find(collections(tables), [1, 0]) == ["x"]


async def test_an_answer_that_is_still_coming_is_read_to_its_end_first(keeper: Keeper, tables: MemoryTables) -> None:
    given = answer(ANSWER[9:20], ANSWER[20:], held=ANSWER[:9])
    upstream: Any = given.rest
    await keeper.keep(TENANT, keeping("x"), "m", given)
    assert (given.held, given.rest, upstream.closed) == (ANSWER, None, True)
    assert await find(collections(tables), [1, 0]) == ["x"]


@pytest.mark.parametrize("end", [ConnectionFailed("cut"), HANG], ids=["cut", "silent"])
async def test_an_answer_that_breaks_off_is_not_kept_and_closed(keeper: Keeper, tables: MemoryTables, end: Any) -> None:
    given = answer(ANSWER[9:20], end, held=ANSWER[:9])
    upstream: Any = given.rest
    with pytest.raises(UpstreamUnreachable):
        await keeper.keep(TENANT, keeping("x"), "m", given)
    assert upstream.closed
    assert not tables.calls


async def test_what_is_no_success_is_let_be(keeper: Keeper, tables: MemoryTables) -> None:
    given = answer(b"more", status=429)
    await keeper.keep(TENANT, keeping("x"), "m", given)
    assert given.rest is not None and not tables.calls


async def test_what_is_no_json_is_not_kept(keeper: Keeper) -> None:
    for fields in ({"headers": []}, {"headers": [*JSON, (b"content-encoding", b"gzip")]}, {"is_stream": True}):
        with pytest.raises(UpstreamError):
            await keeper.keep(TENANT, keeping("x"), "m", answer(**fields))


async def test_storage_that_is_down_is_told_and_not_hidden(keeper: Keeper, tables: MemoryTables) -> None:
    tables.available = False
    with pytest.raises(StorageUnavailable, match="could not be kept"):
        await keeper.keep(TENANT, keeping("x"), "m", answer())
