"""The operations table."""

from __future__ import annotations

import pytest

from gateway.openai.operations import BY_CLASS, BY_NAME, OPERATIONS, spelled


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_known_by_its_name_and_its_path(operation):
    assert spelled(operation.name) is operation
    assert spelled(operation.name.upper()) is operation
    if operation.path:
        assert spelled("/v1/" + operation.path) is operation


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/v1/chat/completions", "chat"),
        (" chat ", "chat"),
        ("openai-batch", "batch"),
        ("/v1/batch", "batch"),
        ("files", "file"),
        ("images/variations", "image_edit"),
        ("/v2/rerank", "rerank"),
    ],
)
def test_an_operation_has_many_spellings(text, name):
    assert spelled(text).name == name


def test_an_unknown_spelling_is_no_operation():
    assert spelled("telepathy") is None
    assert spelled("") is None


def test_every_operation_belongs_to_a_class():
    assert {each.name for members in BY_CLASS.values() for each in members} == set(BY_NAME)
    assert [each.name for each in BY_CLASS["openai-batch"]] == ["batch", "file"]
