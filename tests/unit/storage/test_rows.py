"""Rows: what may be a key."""

from __future__ import annotations

import pytest

from gateway.storage.rows import is_key


@pytest.mark.parametrize("text", ["", "openai-chat", "key:ab12", "_first", "' or 1 eq 1", "東京", "x" * 512])
def test_what_azure_tables_takes_is_a_key(text: str) -> None:
    assert is_key(text)


@pytest.mark.parametrize("text", ["a/b", "a\\b", "a#b", "a?b", "\n", "\x7f", "\x85", "x" * 513, "😀" * 257, "\ud800"])
def test_what_azure_tables_forbids_is_none(text: str) -> None:
    assert not is_key(text)
