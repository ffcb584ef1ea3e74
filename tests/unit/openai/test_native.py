"""Models in native paths."""

from __future__ import annotations

import pytest

from gateway.openai.native import model_in_path, swap_model_in_path


@pytest.mark.parametrize(
    ("operation", "path", "model", "swapped"),
    [
        ("gemini", "v1beta/models/gemini-pro:generateContent", "gemini-pro", "v1beta/models/new:generateContent"),
        ("gemini", "models/gemini-pro", "gemini-pro", "models/new"),
        ("gemini", "v1beta/files", None, "v1beta/files"),
        (
            "vertex",
            "v1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent",
            "g",
            "v1/projects/p/locations/l/publishers/google/models/new:streamGenerateContent",
        ),
        ("bedrock", "model/anthropic.claude-v2%3A1/converse", "anthropic.claude-v2:1", "model/new/converse"),
        ("anthropic", "v1/messages", None, "v1/messages"),
    ],
)
def test_the_model_of_a_path_is_found_and_swapped(operation, path, model, swapped):
    assert model_in_path(operation, path) == model
    assert swap_model_in_path(operation, path, "new") == swapped
