"""The model that an answer names, however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.told_model import LOOKED_AT, told_model

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), min_size=1, max_size=32)
BEFORE = st.dictionaries(st.sampled_from(["id", "object", "n"]), st.text() | st.integers() | st.none())


@given(BEFORE, NAMES, st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))
def test_the_model_is_found_in_any_spacing(before: dict[str, Any], name: str, spacing: tuple[str, str]) -> None:
    answer = {**before, "model": name, "choices": [{"message": {"content": '"model":"no"'}}]}
    assert told_model(json.dumps(answer, ensure_ascii=False, separators=spacing).encode()) == name


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b'{"model":null}',
        b'{"model":""}',
        b'{"model":"a\\"b"}',
        b'{"model":"%b"}' % (b"a" * 129),
        b'{"model":"cut off',
        b'{"content":"' + b"a" * LOOKED_AT + b'","model":"late"}',
    ],
)
def test_what_names_none_tells_none(answer: bytes) -> None:
    assert told_model(answer) is None


def test_a_name_may_be_as_long_as_names_are() -> None:
    assert told_model(b'data: {"model":"%b"}\n\n' % (b"a" * 128)) == "a" * 128
