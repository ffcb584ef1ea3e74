"""The operations table and its look-ups."""

from __future__ import annotations

import pytest

from gateway.openai.operations import AZURE_PREFIXES, OPENAI_PREFIXES, OPERATIONS, models_path, route, spelled


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("prefix", OPENAI_PREFIXES)
def test_every_operation_is_found_under_every_openai_prefix(prefix, operation):
    found = route(prefix + operation.path)
    assert found is not None
    assert (found.operation, found.model) == (operation, None)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("prefix", AZURE_PREFIXES)
def test_an_azure_path_names_the_model(prefix, operation):
    found = route(f"{prefix}gpt-4o/{operation.path}")
    assert found is not None
    assert (found.operation, found.model) == (operation, "gpt-4o")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/chat",
        "/v2/chat/completions",
        "/v1/chat/completions/",
        "/openai/deployments/",
        "/openai/deployments//chat/completions",
        "/openai/deployments/gpt/chat",
        "/chat/completions",
    ],
)
def test_other_paths_lead_nowhere(path):
    assert route(path) is None


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/models", ""),
        ("/api/v1/models", ""),
        ("/openai/models", ""),
        ("/openai/v1/models/gpt-4o", "gpt-4o"),
        ("/v1/models/meta-llama/Llama-3", "meta-llama/Llama-3"),
        ("/v1/modelsx", None),
        ("/v1/files", None),
    ],
)
def test_the_models_list_is_found_with_or_without_an_id(path, model):
    assert models_path(path) == model


@pytest.mark.parametrize(
    "text", ["chat", "CHAT", " chat ", "/v1/chat/completions", "chat/completions", "v1/chat/completions", "openai-chat"]
)
def test_an_operation_has_many_spellings(text):
    operation = spelled(text)
    assert operation is not None
    assert operation.name == "chat"


def test_an_unknown_spelling_is_no_operation():
    assert spelled("telepathy") is None
