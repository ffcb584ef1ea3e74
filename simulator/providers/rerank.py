"""Reranking, as Cohere and Voyage answer it."""

from __future__ import annotations

from typing import Any

from simulator.api import Api, Refusal
from simulator.call import Call, whole, words
from simulator.operations import Operation
from simulator.wire import Json

_USUAL = {
    400: "invalid request",
    401: "invalid api token",
    403: "forbidden",
    404: "model not found, make sure the correct model ID was used",
    429: "You are past the rate limit, please wait and try again later.",
    500: "internal server error",
    503: "service unavailable",
}


def _message(refusal: Refusal) -> str:
    return refusal.message or _USUAL.get(refusal.status, "the request failed")


def _cohere_error(refusal: Refusal) -> Json:
    return {"message": _message(refusal)}


def _voyage_error(refusal: Refusal) -> Json:
    return {"detail": _message(refusal)}


def _cohere_headers(identity: str, refusal: Refusal | None) -> dict[str, str]:
    return {"x-debug-trace-id": identity.replace("-", ""), "x-endpoint-monthly-call-limit": "1000"}


def _voyage_headers(identity: str, refusal: Refusal | None) -> dict[str, str]:
    return {"x-request-id": identity}


COHERE = Api("cohere", _cohere_error, _cohere_headers)
VOYAGE = Api("voyage", _voyage_error, _voyage_headers)


def cohere(call: Call) -> Json:
    """Cohere's form, which many others have taken over."""
    meta = {"api_version": {"version": call.path["version"]}, "billed_units": {"search_units": 1}}
    return {"id": call.id, "results": _ranked(call, call.fields.get("top_n")), "meta": meta}


def voyage(call: Call) -> Json:
    """Voyage's form."""
    tokens = words(call.fields["query"]) + words(call.fields["documents"])
    data = _ranked(call, call.fields.get("top_k"))
    return {"object": "list", "data": data, "model": call.model, "usage": {"total_tokens": tokens}}


def _ranked(call: Call, top: Any) -> list[Json]:
    """The best documents first: those that have most of the query's words; equals in the order they came."""
    documents = call.fields["documents"] if isinstance(call.fields["documents"], list) else []
    asked = set(str(call.fields["query"]).lower().split())
    scored = [(index, _score(asked, document)) for index, document in enumerate(documents)]
    scored.sort(key=lambda each: -each[1])
    with_text = call.fields.get("return_documents") is True
    return [
        {"index": index, "relevance_score": score, **({"document": documents[index]} if with_text else {})}
        for index, score in scored[: whole(top, 1, len(documents), len(documents))]
    ]


def _score(asked: set[str], document: Any) -> float:
    said = str(document.get("text") if isinstance(document, dict) else document).lower().split()
    return round(len(asked.intersection(said)) / max(len(asked), 1), 4)


COHERE_OPERATIONS = (Operation("POST", "rerank", cohere, required=("query", "documents")),)
VOYAGE_OPERATIONS = (Operation("POST", "rerank", voyage, required=("query", "documents")),)
