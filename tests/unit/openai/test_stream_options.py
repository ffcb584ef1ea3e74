"""Usage that is asked for on behalf of a caller, and withheld from the stream."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai import sse
from gateway.openai.stream_options import ask_usage, withhold

ASKED = b'"stream_options":{"include_usage":true}'


@pytest.mark.parametrize(
    ("body", "asking"),
    [
        (b'{"stream":true}', b"{" + ASKED + b',"stream":true}'),
        (b'{"a":"\\u00e9","stream":true}', b"{" + ASKED + b',"a":"\\u00e9","stream":true}'),
        (b'{"a":"stream_options"}', b"{" + ASKED + b',"a":"stream_options"}'),
        (b'{"a":{"stream_options":{}}}', b"{" + ASKED + b',"a":{"stream_options":{}}}'),
        (b'{"stream_options":null,"a":1}', b"{" + ASKED + b',"a":1}'),
        (b'{"stream_options" : {} }', b'{"stream_options" : {"include_usage":true} }'),
        (
            b'{"stream_options":{"include_obfuscation":false}}',
            b'{"stream_options":{"include_usage":true,"include_obfuscation":false}}',
        ),
        (
            b'{"stream_options":{ "include_usage" : false ,"x":[1]}}',
            b'{"stream_options":{ "include_usage" : true ,"x":[1]}}',
        ),
        (b'{"stream_options":{"include_usage":null}}', b'{"stream_options":{"include_usage":true}}'),
        (b'{"stream_option\\u0073":{}}', b'{"stream_option\\u0073":{"include_usage":true}}'),
        (b'{"stream_options":{"include_usage":true}}', None),
        (b'{"stream_options":{"include_usage":"yes"}}', None),
        (b'{"stream_options":"all"}', None),
    ],
)
def test_usage_is_asked_for_and_no_other_byte_changes(body, asking):
    assert ask_usage(body) == asking


FIELDS = st.dictionaries(st.text(max_size=9), st.none() | st.text() | st.lists(st.integers(), max_size=2), max_size=3)


@given(FIELDS, FIELDS | st.none())
def test_a_body_that_asks_means_the_same_but_for_its_option(fields, options):
    fields.pop("stream_options", None)
    if options is not None:
        options.pop("include_usage", None)
        fields["stream_options"] = options
    asking = ask_usage(json.dumps(fields).encode())
    assert json.loads(asking) == {**fields, "stream_options": {**(options or {}), "include_usage": True}}
    assert ask_usage(asking) is None


NAMES = st.sampled_from(["usage", "choices", "id", 'a"usage":null', "\\"])
TEXTS = st.sampled_from(['"usage":null', ',"usage":null', "usage", '{"usage": null}', "\\", 'x"', "é"]) | st.text()
VALUES = st.recursive(
    st.none() | TEXTS | st.integers(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES | TEXTS, inner, max_size=3),
    max_leaves=6,
)
CHUNKS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["id", "model", "choices"]), VALUES),
        st.integers(0, 4),
        st.sampled_from([None, (",", ":"), (", ", ": ")]),
        st.sampled_from([b"\n\n", b"\r\n\r\n"]),
        st.sampled_from([b"data: ", b"data:", b"event: x\ndata: ", b": note\ndata: "]),
    ),
    min_size=1,
    max_size=6,
)


def written(fields, spaces, prefix, end):
    return prefix + json.dumps(fields, separators=spaces, ensure_ascii=False).encode() + end


@given(CHUNKS, st.data())
def test_the_callers_stream_is_what_it_would_have_been_wherever_it_is_split(chunks, data):
    asked, unasked = [], []
    for fields, at, spaces, end, prefix in chunks:
        fields.setdefault("choices", [{"delta": {}}])
        pairs = list(fields.items())
        pairs.insert(min(at, len(pairs)), ("usage", None))
        unasked.append(written(fields, spaces, prefix, end))
        asked.append(written(dict(pairs), spaces, prefix, end))
    spaces = chunks[0][2]
    asked.append(written({"choices": [], "usage": {"prompt_tokens": 3}}, spaces, b"data: ", b"\n\n"))
    asked.append(b"data: [DONE]\n\n")
    unasked.append(b"data: [DONE]\n\n")
    cuts = sorted({0, len(asked), *data.draw(st.lists(st.integers(0, len(asked))))})
    parts = [b"".join(asked[start:end]) for start, end in pairwise(cuts)]
    assert all(sse.complete(part) == len(part) for part in parts)
    assert b"".join(withhold(part) for part in parts) == b"".join(unasked)


@pytest.mark.parametrize(
    ("whole", "left"),
    [
        (b'data: {"a":1}\n\n', b'data: {"a":1}\n\n'),
        (b'data: {"choices":[],"usage":{"a":1}}\n\n', b""),
        (b'data: {"usage": {}, "choices": [ ]}\r\n\r\n', b""),
        (b'data: {"choices":[{}],"usage":{"a":1}}\n\n', b'data: {"choices":[{}],"usage":{"a":1}}\n\n'),
        (b'data: {"usage":{"a":1}}\n\n', b'data: {"usage":{"a":1}}\n\n'),
        (b'data: {"choices":[],"usage":5}\n\n', b'data: {"choices":[],"usage":5}\n\n'),
        (b'data: {"usage":null}\n\n', b"data: {}\n\n"),
        (b'data: {"usage" : null , "a":1}\n\n', b'data: {"a":1}\n\n'),
        (b'data: {"a":{"usage":null}}\n\n', b'data: {"a":{"usage":null}}\n\n'),
        (b'data: {"a":{"usage":null},"usage":null}\n\n', b'data: {"a":{"usage":null}}\n\n'),
        (b'data: {"my\\"usage":null}\n\n', b'data: {"my\\"usage":null}\n\n'),
        (b'data: {"a":"usage","usage":null,"b":1}\n\n', b'data: {"a":"usage","b":1}\n\n'),
        (b'data: {"us\\u0061ge":null,"usage":null}\n\n', b'data: {"us\\u0061ge":null}\n\n'),
        (b'data: {"us\\u0061ge":null,"a":"usage"}\n\n', b'data: {"us\\u0061ge":null,"a":"usage"}\n\n'),
        (b'data: {"usage":null\n\n', b'data: {"usage":null\n\n'),
        (b'data: {"a":1,"usage":null,\ndata: "b":2}\n\n', b'data: {"a":1,\ndata: "b":2}\n\n'),
        (b'data: {"a":"usage",\ndata: "usage":null}\n\n', b'data: {"a":"usage",\ndata: "usage":null}\n\n'),
        (b': "usage"\n\ndata: {"a":1}\n\n', b': "usage"\n\ndata: {"a":1}\n\n'),
        (b'data: "usage"\n\n', b'data: "usage"\n\n'),
        (b'data: {"usage":' + b"[" * 99_999 + b"\n\n", b'data: {"usage":' + b"[" * 99_999 + b"\n\n"),
    ],
)
def test_only_what_was_asked_for_is_withheld(whole, left):
    assert withhold(whole) == left


def test_azures_opening_chunk_stays():
    opening = b'data: {"choices":[],"id":"","prompt_filter_results":[]%b}\n\n'
    assert withhold(opening % b',"usage":null') == opening % b""


@given(st.binary())
def test_no_bytes_raise(whole):
    withhold(b'data: {"usage":null,' + whole + b"}\n\n")
