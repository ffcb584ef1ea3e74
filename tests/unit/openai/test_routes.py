"""From a path to an operation."""

from __future__ import annotations

import pytest

from gateway.openai.operations import OPERATIONS
from gateway.openai.routes import AZURE_PREFIXES, AZURE_RESOURCE_PREFIXES, OPENAI_PREFIXES, models_path, route

FIXED = [
    (operation, action)
    for operation in OPERATIONS
    for action in operation.actions
    if not operation.native and "{" not in action.path
]
THINGS = [(operation, action) for operation in OPERATIONS for action in operation.actions if "{id}" in action.path]


@pytest.mark.parametrize("prefix", [*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES])
def test_every_action_is_found_under_every_prefix(prefix):
    for operation, action in FIXED:
        found = route(prefix + action.path)
        assert found is not None, action
        assert (found.operation, found.actions[action.method], found.model, found.id) == (operation, action, None, None)


@pytest.mark.parametrize("prefix", AZURE_PREFIXES)
def test_an_azure_path_names_the_model(prefix):
    for operation, action in FIXED:
        found = route(f"{prefix}gpt-4o/{action.path}")
        assert found is not None, action
        assert (found.operation, found.actions[action.method], found.model) == (operation, action, "gpt-4o")


@pytest.mark.parametrize("prefix", [*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES])
def test_a_thing_is_named_by_its_id(prefix):
    for operation, action in THINGS:
        found = route(prefix + action.path.replace("{id}", "resp_1"))
        assert found is not None, action
        assert (found.operation, found.actions[action.method], found.id) == (operation, action, "resp_1")


@pytest.mark.parametrize(
    ("path", "operation", "methods", "id_"),
    [
        ("/v1/batch", "batch", {"GET", "POST"}, None),
        ("/v1/batch/batch_1/cancel", "batch", {"POST"}, "batch_1"),
        ("/v2/rerank", "rerank", {"POST"}, None),
        ("/v1/files/file-1", "file", {"GET", "DELETE"}, "file-1"),
    ],
)
def test_other_names_of_a_path_are_known(path, operation, methods, id_):
    found = route(path)
    assert (found.operation.name, set(found.actions), found.id) == (operation, methods, id_)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("anthropic", "v1/messages"),
        ("gemini", "v1beta/models/gemini-pro:generateContent"),
        ("bedrock", "model/m/converse"),
        ("vertex", "v1/projects/p/locations/l/publishers/google/models/m:predict"),
    ],
)
def test_a_pass_through_path_keeps_what_follows_the_provider(name, path):
    found = route(f"/api/v1/passthrough/{name}/{path}")
    assert (found.operation.name, found.native_path, set(found.actions)) == (name, path, {"GET", "POST"})


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/v1", "/v1/", "/v1/chat", "/v2/chat/completions", "/v1/chat/completions/", "/chat/completions"),
        *("/openai/deployments/", "/openai/deployments//chat/completions", "/openai/deployments/gpt/chat"),
        *("/v1/responses/", "/v1/responses/resp_1/unknown", "/v1/things/1", "/v1/files//content"),
        *(
            "/api/v1/passthrough/vertex/v1/projects/p",
            "/api/v1/passthrough/openai/v1",
            "/api/v1/passthrough/anthropic",
            "/api/v1/passthrough/anthropic/",
        ),
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
