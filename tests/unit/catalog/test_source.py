"""The making of the data file: what is taken of the source, what is refused, and that it comes out the same."""

from __future__ import annotations

import gzip
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "catalog.py"))
condensed, Refused = SCRIPT["condensed"], SCRIPT["Refused"]

MANY: dict[str, Any] = {f"model-{number}": {"litellm_provider": "openai", "mode": "chat"} for number in range(1000)}


def made(**entries: Any) -> dict[str, dict[str, Any]]:
    """The facts that come out of some entries among many, by model id."""
    content = json.loads(gzip.decompress(condensed(json.dumps(MANY | entries).encode())))
    return {each["model_id"]: each for each in content["models"]}


def test_facts_are_taken_and_nothing_else() -> None:
    entry = {
        "litellm_provider": "bedrock_converse",
        "mode": "chat",
        "max_input_tokens": 2048.0,
        "max_output_tokens": None,
        "input_cost_per_token": 2e-08,
        "output_cost_per_token": None,
        "search_context_cost_per_query": {"low": 0.1},
        "output_vector_size": 8,
        "deprecation_date": "2027-01-31",
        "supports_vision": True,
        "supports_web_search": False,
        "source": "https://example.com",
        "metadata": {"notes": "prose"},
    }
    assert made(**{"bedrock/titan": entry})["titan"] == {
        "provider": "bedrock",
        "model_id": "titan",
        "mode": "chat",
        "max_input_tokens": 2048,
        "dimensions": 8,
        "deprecation_date": "2027-01-31",
        "capabilities": ["vision"],
        "prices": {"input_cost_per_token": 2e-08},
    }


@pytest.mark.parametrize(
    ("filed", "provider"),
    [
        ("vertex_ai-language-models", "vertex_ai"),
        ("fireworks_ai-embedding-models", "fireworks_ai"),
        ("text-completion-openai", "openai"),
        ("cohere_chat", "cohere"),
        ("mistral", "mistral"),
    ],
)
def test_a_provider_has_one_name(filed: str, provider: str) -> None:
    assert made(x={"litellm_provider": filed})["x"]["provider"] == provider


def test_a_name_under_its_providers_prefix_wins_over_the_same_without() -> None:
    bare, full = ({"litellm_provider": "gemini", "mode": mode} for mode in ("completion", "chat"))
    assert made(**{"gemini/pro": full, "pro": bare})["pro"]["mode"] == "chat"


def test_the_two_entries_that_are_no_models_are_left_out() -> None:
    assert set(made(sample_spec={"mode": "one of: …"}, fallback_generalizations={"rules": []})) == set(MANY)


def test_the_same_source_makes_the_same_bytes_whatever_its_order() -> None:
    source = json.dumps(MANY).encode()
    assert condensed(source) == condensed(source)
    turned = json.dumps(dict(reversed(MANY.items()))).encode()
    models = [json.loads(gzip.decompress(condensed(each)))["models"] for each in (source, turned)]
    assert models[0] == models[1]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("text", "is no object"),
        ({"mode": "chat"}, "litellm_provider is no name"),
        ({"litellm_provider": "p", "mode": 1}, "mode is no name"),
        ({"litellm_provider": "p", "mode": "one of: chat"}, "mode is no name"),
        ({"litellm_provider": "p", "max_input_tokens": "many"}, "max_input_tokens is no whole number"),
        ({"litellm_provider": "p", "max_output_tokens": True}, "max_output_tokens is no whole number"),
        ({"litellm_provider": "p", "output_vector_size": 1.5}, "output_vector_size is no whole number"),
        ({"litellm_provider": "p", "input_cost_per_token": "free"}, "input_cost_per_token is no price"),
        ({"litellm_provider": "p", "input_cost_per_token": -1}, "input_cost_per_token is no price"),
        ({"litellm_provider": "p", "input_cost_per_token": float("nan")}, "input_cost_per_token is no price"),
        ({"litellm_provider": "p", "deprecation_date": "soon"}, "deprecation_date is no date"),
        ({"litellm_provider": "p", "deprecation_date": 2027}, "deprecation_date is no date"),
        ({"litellm_provider": "p", "supports_vision": "yes"}, "supports_vision is neither true nor false"),
    ],
)
def test_a_malformed_entry_is_refused_by_its_name(entry: Any, problem: str) -> None:
    with pytest.raises(Refused, match=f"^odd: {problem}"):
        made(odd=entry)


@pytest.mark.parametrize(("source", "problem"), [(b"{", "no JSON"), (b"\xff", "no JSON"), (b"[]", "no JSON object")])
def test_a_source_that_is_no_object_is_refused(source: bytes, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        condensed(source)


@pytest.mark.parametrize(("size", "had"), [(999, 0), (1000, 1200)])
def test_a_shrunken_source_is_refused(size: int, had: int) -> None:
    with pytest.raises(Refused, match=f"has shrunk to {size} models; at least"):
        condensed(json.dumps(dict(list(MANY.items())[:size])).encode(), had)


def test_a_source_that_lost_a_few_is_taken() -> None:
    assert condensed(json.dumps(MANY).encode(), 1100)
