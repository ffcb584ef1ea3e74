"""Gemini's own API: content, embeddings, token counts and models."""

from __future__ import annotations

from simulator.api import Api, Refusal
from simulator.call import Call, an_object, objects
from simulator.operations import Operation
from simulator.providers import google
from simulator.vectors import vector
from simulator.wire import Json

_MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001")

GEMINI = Api(
    "gemini",
    google.error,
    google.headers,
    key_headers=(b"x-goog-api-key",),
    key_parameter="key",
    keyless=Refusal(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
        "other form of API consumer identity to call this API.",
    ),
    wrong_key=Refusal(400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID"),
)


def embedding(call: Call) -> Json:
    """One vector."""
    return {"embedding": _embedded(call.fields)}


def embeddings(call: Call) -> Json:
    """One vector for each request."""
    return {"embeddings": [_embedded(each) for each in objects(call.fields["requests"])]}


def _embedded(request: Json) -> Json:
    options = an_object(request.get("embedContentConfig", request))
    return {"values": vector(request.get("content"), options.get("outputDimensionality"))}


def models(call: Call) -> Json:
    """A few well-known models; the simulator answers to any name."""
    return {"models": [_model(name) for name in _MODELS]}


def model(call: Call) -> Json:
    """One model, whatever its name."""
    return _model(call.path["id"])


def _model(name: str) -> Json:
    methods = ["embedContent"] if "embedding" in name else ["generateContent", "countTokens"]
    limits = {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
    described = {"name": f"models/{name}", "version": "001", "displayName": name}
    return {**described, **limits, "supportedGenerationMethods": methods}


MODEL_OPERATIONS = (
    *google.GENERATION,
    Operation("POST", "embedContent", embedding, required=("content",)),
    Operation("POST", "batchEmbedContents", embeddings, required=("requests",)),
)
OPERATIONS = (Operation("GET", "models", models), Operation("GET", "models/{id}", model))
