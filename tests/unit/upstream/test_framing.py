"""Where an answer ends, and what it says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.framing import HEAD_BYTES, AnswerParser, Malformed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\ntransfer-encoding: Chunked\r\n\r\n2;x=y\r\nok\r\n3\r\n...\r\n0\r\nt: v\r\n\r\n"
)
INTERIM = b"HTTP/1.1 100 Continue\r\nx: 1\r\n\r\n"
SEEDS = (OK, CHUNKED, INTERIM + OK, b"HTTP/1.1 200 OK\r\n\r\nall of it", b"HTTP/1.1 204 No\r\n\r\n", OK + OK)


def read(data, cuts=(), method="GET"):
    """All that can be said of an answer that arrives in pieces; its failure if it is none."""
    parser = AnswerParser()
    parser.begin(method)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    try:
        for start, end in pairwise(edges):
            parser.feed(data[start:end])
            if parser.over:
                break
    except Malformed:
        return "malformed"
    return parser.status, parser.headers, parser.delimited, b"".join(parser.parts), parser.over


@given(st.sampled_from(SEEDS), st.lists(st.integers(0, 10_000), max_size=8))
def test_how_an_answer_is_cut_changes_nothing(data, cuts):
    assert read(data, cuts) == read(data)


def test_every_seed_is_read_as_it_is_meant():
    length = (b"Content-Length", b"2")
    coding = (b"transfer-encoding", b"Chunked")
    assert [read(seed) for seed in SEEDS] == [
        (200, [length], True, b"ok", True),
        (200, [(b"A", b"1"), (b"a", b"2"), coding], True, b"ok...", True),
        (200, [length], True, b"ok", True),
        (200, [], False, b"all of it", False),
        (204, [], True, b"", True),
        (200, [length], True, b"ok", True),
    ]


@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=4), st.binary())
def test_no_bytes_whatever_break_it_or_smuggle_a_line_into_a_header(seed, edits, tail):
    data = bytearray(seed)
    for at, replacement in edits:
        data[at : at + 1] = replacement
    result = read(bytes(data) + tail)
    if result != "malformed":
        for name, value in result[1]:
            assert not {b"\r", b"\n", b"\0"} & {bytes([each]) for each in name + value}


@pytest.mark.parametrize(
    ("raw", "reusable"),
    [
        (OK, True),
        (CHUNKED, True),
        (OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), False),
        (OK.replace(b"HTTP/1.1", b"HTTP/1.0"), False),
        (OK + b"more", False),
        (OK + OK, False),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 20\r\n\r\n", False),
    ],
)
def test_only_a_connection_that_is_surely_at_an_answers_end_is_reusable(raw, reusable):
    parser = AnswerParser()
    parser.feed(raw)
    assert parser.over
    assert parser.reusable is reusable


def test_one_parser_reads_answer_after_answer():
    parser = AnswerParser()
    for raw, body in ((OK, b"ok"), (CHUNKED, b"ok..."), (INTERIM + OK, b"ok"), (OK, b"ok")):
        parser.begin("POST")
        parser.feed(raw)
        assert (parser.over, parser.reusable, b"".join(parser.parts)) == (True, True, body)


def test_to_head_there_is_no_body():
    assert read(OK[:-2], method="HEAD") == (200, [(b"Content-Length", b"2")], True, b"", True)
    assert read(OK, method="HEAD")[3:] == (b"", True)


def test_what_never_ends_is_no_answer():
    for raw in (b"HTTP/1.1 200 OK\r\nx: " + b"y" * HEAD_BYTES, INTERIM * 3000, CHUNKED[:-4] + b"z: y\r\n" * HEAD_BYTES):
        parser = AnswerParser()
        with pytest.raises(Malformed, match="endless"):
            for start in range(0, len(raw), 4096):
                parser.feed(raw[start : start + 4096])
    for count, told in ((255, "endless"), (300, "too many")):
        with pytest.raises(Malformed, match=told):
            AnswerParser().feed(b"HTTP/1.1 200 OK\r\n" + (b"x: " + b"y" * 700 + b"\r\n") * count + b"\r\n")


def test_only_a_body_without_an_end_of_its_own_ends_with_the_connection():
    for raw, ends in ((SEEDS[3], True), (OK[:-1], False), (CHUNKED[:-2], False), (OK[:20], False), (b"", False)):
        parser = AnswerParser()
        parser.feed(raw)
        assert parser.end() is ends
    parser.begin("GET")
    assert not parser.end()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(b"timeout=5", 4), (b"max=9, Timeout=60", 59), (b"timeout=0", 0), (b"timeout=soon", None), (b"max=9", None)],
)
def test_how_long_a_peer_keeps_a_connection_is_read_with_a_margin(told, seconds):
    parser = AnswerParser()
    parser.feed(OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: " + told + b"\r\n\r\n"))
    assert parser.idle_seconds == seconds
