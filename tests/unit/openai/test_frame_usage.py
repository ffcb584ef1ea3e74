"""What Bedrock's binary streams tell, however they are cut."""

from __future__ import annotations

import base64
import json
import struct
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai import frame_usage
from gateway.openai.frame_usage import FrameUsage
from gateway.openai.tokens import Tokens


def frame(payload, headers=b"\x0b:event-type\x07\x00\x05chunk"):
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def plain(**payload):
    return frame(json.dumps(payload).encode())


def wrapped(**payload):
    return plain(bytes=base64.b64encode(json.dumps(payload).encode()).decode(), p="abcd")


def fed(*chunks):
    usage = FrameUsage()
    for chunk in chunks:
        usage.feed(chunk)
    return usage


DELTA = plain(contentBlockIndex=0, delta={"text": "twelve chars"})
METADATA = plain(usage={"inputTokens": 5, "outputTokens": 9, "cacheReadInputTokens": 2}, metrics={"latencyMs": 1})
BEGUN = wrapped(type="message_start", message={"usage": {"input_tokens": 5, "output_tokens": 1}})
SAID = wrapped(type="content_block_delta", delta={"type": "text_delta", "text": "twelve chars"})
ENDED = wrapped(type="message_delta", usage={"output_tokens": 8})
METRICS = {"inputTokenCount": 6, "outputTokenCount": 9, "cacheReadInputTokenCount": 3, "invocationLatency": 1}
STOPPED = wrapped(**{"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS})


@given(st.lists(st.integers(0, len(DELTA * 2 + METADATA)), max_size=8))
def test_a_conversation_tells_in_its_metadata_wherever_it_is_cut(cuts):
    stream = DELTA * 2 + METADATA
    cuts = [0, *sorted(cuts), len(stream)]
    usage = fed(*(stream[start:end] for start, end in pairwise(cuts)))
    assert usage.tokens == Tokens(input=7, output=9, cached_input=2)
    assert usage.produced == 6


def test_an_invocation_tells_in_its_metrics_before_all_else():
    assert fed(BEGUN, SAID, ENDED).tokens == Tokens(input=5, output=8)
    assert fed(BEGUN, SAID, ENDED, STOPPED).tokens == Tokens(input=9, output=9, cached_input=3)


def test_who_leaves_before_the_end_pays_for_what_was_produced():
    assert fed(BEGUN, SAID).tokens is None
    assert fed(BEGUN, SAID).estimated(99) == Tokens(input=5, output=3)
    assert fed(DELTA).estimated(99) == Tokens(input=99, output=3)


def test_a_long_frame_is_passed_over_and_not_held(monkeypatch):
    monkeypatch.setattr(frame_usage, "LARGEST", 200)
    stream = plain(x="y" * 1000) + METADATA
    for size in (7, 100, 300, len(stream)):
        usage = FrameUsage()
        for at in range(0, len(stream), size):
            usage.feed(stream[at : at + size])
            assert len(usage._rest) < 200
        assert usage.tokens == Tokens(input=7, output=9, cached_input=2)


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"not json", b'{"bytes":"?"}', b'{"usage":', b'{"usage":5}', b'{"usage":{"inputTokens":"x"}}', b"[]"),
        *(b'{"a":"invocationMetrics"}', b'{"amazon-bedrock-invocationMetrics":5}', b'{"bytes":5}'),
        b'{"bytes":"' + base64.b64encode(b'{"usage":' + b"[" * 100_000) + b'"}',
    ],
)
def test_a_frame_that_can_not_be_read_tells_nothing_and_hides_nothing(payload):
    assert fed(frame(payload)).tokens is None
    assert fed(frame(payload) + METADATA).tokens.total == 16


def test_what_is_not_framed_is_not_read_on():
    usage = fed(b"not framed at all", METADATA)
    assert (usage.tokens, usage._rest) == (None, b"")
    lying = struct.pack(">II", 15, 0)
    assert fed(lying + struct.pack(">I", crc32(lying)) + METADATA).tokens is None


@given(st.lists(st.binary(max_size=40)))
def test_no_bytes_raise(chunks):
    assert fed(*chunks).produced == 0
