"""Multipart forms: any split gives the same parts, memory stays bounded, bad ones are refused."""

from __future__ import annotations

import hashlib
import resource
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import Simulator
from simulator.multipart import KEPT_PART_BYTES, MAX_PART_HEAD_BYTES, MAX_PARTS, Form
from simulator.record import KEPT_BODY_BYTES

TYPE = "multipart/form-data; boundary=XX"
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def part(head: str, content: bytes) -> bytes:
    return b"--XX\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def read(body: bytes, content_type: str = TYPE, size: int | None = None) -> Form:
    form = Form.of(content_type)
    assert form is not None
    for start in range(0, len(body), size or len(body) or 1):
        form.feed(body[start : start + (size or len(body))])
    form.complete()
    return form


@given(
    contents=st.lists(st.binary(max_size=60) | st.sampled_from([b"\r\n", b"\r\n--X", b"--XX", b"\r\n--X\r\n"])),
    size=st.integers(1, 80),
)
def test_any_split_of_the_bytes_gives_the_same_parts(contents: list[bytes], size: int) -> None:
    contents = [content for content in contents if b"\r\n--XX" not in b"\r\n" + content]
    body = b"".join(part(f'name="f{n}"; filename="{n}"', content) for n, content in enumerate(contents))
    form = read(body + b"--XX--\r\n", size=size)
    assert not form.malformed
    assert [(each.name, each.content) for each in form.parts] == [(f"f{n}", c) for n, c in enumerate(contents)]
    assert [each.sha256 for each in form.parts] == [hashlib.sha256(content).hexdigest() for content in contents]


def test_fields_are_read_as_what_they_stand_for() -> None:
    heads = {'name="stream"': b"true", 'name="n"': b"2", 'name="prompt"': b"2", 'name="x[]"': b"a", 'name="e"': b""}
    form = read(b"".join(part(head, content) for head, content in heads.items()) + b"--XX--")
    assert form.fields() == {"stream": True, "n": 2, "prompt": "2", "x": ["a"], "e": ""}


def test_repeated_names_make_a_list() -> None:
    form = read(part('name="x[]"', b"a") + part('name="x[]"', b"b") + part('name="y"', b"a") * 2 + b"--XX--")
    assert form.fields() == {"x": ["a", "b"], "y": ["a", "a"]}


def test_names_keep_their_quotes_and_letters() -> None:
    form = read(part('name="file"; filename="é \\"a\\".txt"', b"") + b"--XX--")
    assert form.parts[0].filename == 'é "a".txt'


def test_what_stands_before_and_after_the_parts_is_skipped() -> None:
    form = read(b"preamble\r\n" + part('name="a"', b"1") + b"--XX--\r\nepilogue \r\n--XX\r\n\r\n")
    assert form.fields() == {"a": "1"}


@pytest.mark.parametrize(
    "content_type", ['multipart/form-data; boundary="XX"', "Multipart/Form-Data;charset=utf-8; Boundary=XX"]
)
def test_a_boundary_may_be_quoted(content_type: str) -> None:
    assert read(part('name="a"', b"1") + b"--XX--", content_type).fields() == {"a": "1"}


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=x"])
def test_anything_else_is_no_form(content_type: str) -> None:
    assert Form.of(content_type) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        part('name="a"', b"1"),
        part('name="a"', b"1") + b"--XX\r\nContent-Disposition: form-data",
        part('filename="a"', b"1") + b"--XX--",
        b"--XX\r\n" + b"x" * (MAX_PART_HEAD_BYTES + 1),
        part('name="a"', b"1") * (MAX_PARTS + 1) + b"--XX--",
    ],
)
async def test_a_malformed_form_is_refused(client: Any, body: bytes) -> None:
    assert read(body).fields() is None
    headers = {"api-key": "any", "content-type": TYPE}
    async with client.session.post(client.url + TRANSCRIPTIONS, data=body or b"\r\n", headers=headers) as answer:
        assert answer.status == 400


def test_of_a_large_file_nothing_is_kept_but_its_hash() -> None:
    for size in (KEPT_PART_BYTES, KEPT_PART_BYTES + 1):
        content = bytes(size)
        (only,) = read(part('name="a"; filename="a"', content) + b"--XX--", size=10_000).parts
        assert (only.length, only.sha256) == (size, hashlib.sha256(content).hexdigest())
        assert (only.content is None) == (size > KEPT_PART_BYTES)


async def test_after_the_answer_large_parts_are_let_go(simulator: Simulator, client: Any) -> None:
    for size in (KEPT_BODY_BYTES // 2, KEPT_BODY_BYTES + 1):
        form = aiohttp.FormData({"model": "east"})
        form.add_field("file", bytes(size), filename="a.wav")
        async with client.session.post(client.url + TRANSCRIPTIONS, data=form, headers={"api-key": "any"}) as answer:
            assert answer.status == 200
        received = simulator.received("east")[-1]
        parts = {each.name: each for each in received.parts}
        assert (parts["file"].content is None) == (received.body is None) == (size > KEPT_BODY_BYTES)
        assert parts["model"].content == b"east"
        shown = received.to_json()["parts"][1]
        assert set(shown) == {"name", "filename", "content_type", "length", "sha256"}


async def test_json_and_forms_do_not_stand_in_for_each_other(client: Any) -> None:
    async with client.post(TRANSCRIPTIONS, {"model": "east", "file": "text"}) as answer:
        assert (answer.status, (await answer.json())["error"]["message"][-31:]) == (
            415,
            "'multipart/form-data' requests.",
        )
    form = aiohttp.FormData({"model": "east", "input": "text"}, default_to_multipart=True)
    async with client.session.post(f"{client.url}/v1/embeddings", data=form, headers={"api-key": "any"}) as answer:
        assert answer.status == 415


async def test_a_form_that_is_too_large_is_refused(
    simulator: Simulator, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.record.MAX_FORM_BYTES", 100_000)
    form = aiohttp.FormData({"model": "east"})
    form.add_field("file", bytes(200_000), filename="a.wav")
    async with client.session.post(client.url + TRANSCRIPTIONS, data=form, headers={"api-key": "any"}) as answer:
        assert answer.status == 413
    (received,) = simulator.received()
    assert received.body_length > 200_000


async def test_two_hundred_megabytes_pass_without_being_held(simulator: Simulator, client: Any) -> None:
    block = bytes(1024 * 1024)

    async def file() -> AsyncIterator[bytes]:
        yield part('name="file"; filename="a.wav"', b"")[:-2]
        for _ in range(200):
            yield block
        yield b"\r\n" + part('name="model"', b"east") + b"--XX--\r\n"

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    headers = {"api-key": "any", "content-type": TYPE}
    async with client.session.post(client.url + TRANSCRIPTIONS, data=file(), headers=headers) as answer:
        assert answer.status == 200
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 20 * 1024 * 1024
    (received,) = simulator.received("east")
    assert received.parts[0].length == 200 * len(block)
