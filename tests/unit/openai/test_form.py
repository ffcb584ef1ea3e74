"""Reading a form as it passes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.openai.form import FormReader

BOUNDARY = "XboundaryX"
HEADER = f"multipart/form-data; boundary={BOUNDARY}".encode()
FILE = ("file", b"\r\n--Xbound not yet \x00\xff" * 3, "sound.wav")


def form(*parts):
    body = b""
    for name, value, *filename in parts:
        extra = f'; filename="{filename[0]}"' if filename else ""
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n'.encode()
        body += (b"Content-Type: audio/wav\r\n" if filename else b"") + b"\r\n" + value + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def read(body, cuts=()):
    reader = FormReader(HEADER)
    edges = [0, *sorted(cuts), len(body)]
    for start, end in itertools.pairwise(edges):
        reader.feed(body[start:end])
    reader.finish()
    return reader


def edited(body, reader, name):
    start, end, new = reader.model_edit(name)
    return body[:start] + new + body[end:]


@pytest.mark.parametrize("order", [("model", "file"), ("file", "model")])
@given(data=st.data())
def test_the_model_is_found_wherever_it_stands_and_however_the_bytes_are_cut(order, data):
    parts = {"model": ("model", b"whisper-1"), "file": FILE}
    body = form(*(parts[name] for name in order), ("stream", b"true"))
    reader = read(body, data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    assert reader.model == "whisper-1"
    assert edited(body, reader, "new") == body.replace(b"\r\nwhisper-1\r\n", b"\r\nnew\r\n")


def test_a_form_without_a_model_gets_one_in_front():
    body = form(FILE, ("language", b"de"))
    reader = read(body)
    assert reader.model is None
    again = read(edited(body, reader, "whisper-1"))
    assert again.model == "whisper-1"
    assert edited(body, reader, "whisper-1").endswith(body)


@pytest.mark.parametrize(
    "header", [b"", b"application/json", b"multipart/form-data", b"multipart/form-data; boundary=" + b"x" * 300]
)
def test_another_content_type_is_refused(header):
    with pytest.raises(InvalidRequest) as caught:
        FormReader(header)
    assert caught.value.code == "invalid_form"


@pytest.mark.parametrize("body", [b"", b"garbage", form(("model", b"m"))[:-8], form(FILE)[:60]])
def test_a_form_that_is_cut_off_or_none_is_refused(body):
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert caught.value.code == "invalid_form"


@pytest.mark.parametrize("value", [b"", b"x" * 5000])
def test_a_model_that_is_none_is_refused(value):
    with pytest.raises(InvalidRequest) as caught:
        read(form(("model", value)), range(100, len(value), 600))
    assert caught.value.param == "model"


def test_a_part_without_a_name_is_passed_over():
    body = f"--{BOUNDARY}\r\nX-Other: 1\r\n\r\nmodel\r\n--{BOUNDARY}--\r\n".encode()
    assert read(body).model is None
