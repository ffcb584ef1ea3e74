"""Native paths: which pass, and which model they name."""

from __future__ import annotations

import pytest

from gateway.openai.native import model_in_path, passes, upstream_path

VERTEX = "v1/projects/p/locations/l/publishers/"
OWN_PLACE = "https://x-aiplatform.googleapis.com/v1/projects/own/locations/eu"


@pytest.mark.parametrize(
    ("operation", "path", "model", "asked"),
    [
        ("gemini", "v1beta/models/gemini-pro:generateContent", "gemini-pro", "v1beta/models/new:generateContent"),
        ("gemini", "v1/models/gemini-pro", "gemini-pro", "v1/models/new"),
        ("gemini", "v1beta/models", None, "v1beta/models"),
        (
            "vertex",
            VERTEX + "google/models/g:streamGenerateContent",
            "g",
            "v1/projects/own/locations/eu/publishers/google/models/new:streamGenerateContent",
        ),
        (
            "vertex",
            VERTEX + "anthropic/models/count-tokens:rawPredict",
            None,
            "v1/projects/own/locations/eu/publishers/anthropic/models/count-tokens:rawPredict",
        ),
        (
            "vertex",
            "v1beta1/publishers/google/models/g:countTokens",
            "g",
            "v1beta1/publishers/google/models/new:countTokens",
        ),
        ("bedrock", "model/anthropic.claude-v2:1/converse", "anthropic.claude-v2:1", "model/new/converse"),
        ("bedrock", "model/arn:aws:bedrock:x/profile/invoke", "arn:aws:bedrock:x/profile", "model/new/invoke"),
        ("anthropic", "v1/messages", None, "v1/messages"),
        ("anthropic", "v1/models/claude", None, "v1/models/claude"),
    ],
)
def test_a_path_names_its_model_and_is_asked_for_the_deployments_own(operation, path, model, asked):
    assert passes(operation, path)
    assert model_in_path(operation, path) == model
    assert upstream_path(operation, path, "new", OWN_PLACE) == asked


def test_a_root_without_a_place_leaves_the_callers():
    path = VERTEX + "google/models/g:predict"
    assert upstream_path("vertex", path, "new", "https://x") == path.replace("models/g", "models/new")


def test_other_operations_name_no_model_in_their_path():
    assert model_in_path("chat", "chat/completions") is None


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("anthropic", "v1/organizations/users"),
        ("anthropic", "v1/messages/batches"),
        ("anthropic", "v1/files/file_1"),
        ("gemini", "v1beta/files"),
        ("gemini", "v1beta/models/../files"),
        ("vertex", "v1/projects/p/locations/l/endpoints/1"),
        ("vertex", "v1/projects/p/locations/l/publishers/google/models/g"),
        ("bedrock", "model/x/async-invoke"),
        ("bedrock", "foundation-models"),
    ],
)
def test_what_asks_no_model_does_not_pass(operation, path):
    assert not passes(operation, path)
