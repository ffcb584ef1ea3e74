"""What Google's two APIs, Gemini and Vertex, have in common: errors, generated content and token counts."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.api import Refusal
from simulator.call import Call, an_object, count, identity, pieces, text, words
from simulator.operations import Operation
from simulator.streams import Framing, Stream
from simulator.wire import Json, encode_json

# status: (Google's name for it, message)
_KNOWN = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "The requested entity was not found."),
    408: ("DEADLINE_EXCEEDED", "The request timed out."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "The request timed out."),
}


def error(refusal: Refusal) -> Json:
    """The body of an error; a refusal's code becomes its reason."""
    name, usual = _KNOWN.get(refusal.status, ("UNKNOWN", "The request failed."))
    body: Json = {"code": refusal.status, "message": refusal.message or usual, "status": name}
    if refusal.code:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": refusal.code}
        body["details"] = [{**info, "domain": "googleapis.com"}]
    return {"error": body}


def headers(identity: str, refusal: Refusal | None) -> dict[str, str]:
    """An answer's own headers."""
    return {"server": "scaffolding on HTTPServer2", "vary": "Origin", "server-timing": "gfet4t7; dur=1"}


_FAILED = error(Refusal(503))


def _event(payload: Json) -> bytes:
    return b"data: " + encode_json(payload) + b"\r\n\r\n"


_EVENTS = Framing("text/event-stream", _event, error=_FAILED)


def _array() -> Framing:
    """One JSON array, element by element; this is how a stream comes without `alt=sse`."""
    separators = iter([b"["])

    def encode(payload: Json) -> bytes:
        return next(separators, b",\r\n") + encode_json(payload)

    return Framing("application/json", encode, b"]", _FAILED)


def content(call: Call) -> Json:
    """Generated content."""
    return _chunk(call, text(call), "STOP")


def content_stream(call: Call) -> Stream:
    """Generated content as it is made."""
    framing = _EVENTS if call.parameter("alt") == "sse" else _array()
    contents: Iterator[Json] = (_chunk(call, piece) for piece in pieces(call))
    return Stream([], contents, [_chunk(call, "", "STOP")], framing)


def tokens(call: Call) -> Json:
    """How many tokens the contents have."""
    given = an_object(call.fields.get("generateContentRequest", call.fields))
    total = words(given.get("contents")) + words(given.get("systemInstruction"))
    return {"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]}


def _chunk(call: Call, said: str, finish_reason: str | None = None) -> Json:
    candidate: Json = {"content": {"parts": [{"text": said}], "role": "model"}, "index": 0}
    prompt = words(call.fields["contents"]) + words(call.fields.get("systemInstruction"))
    usage: Json = {"promptTokenCount": prompt, "totalTokenCount": prompt}
    if finish_reason is not None:
        candidate["finishReason"] = finish_reason
        usage |= {"candidatesTokenCount": count(call), "totalTokenCount": prompt + count(call)}
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
    answer_id = identity("", call)
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": call.model, "responseId": answer_id}


GENERATION = (
    Operation("POST", "generateContent", content, required=("contents",)),
    Operation("POST", "streamGenerateContent", content_stream, required=("contents",)),
    Operation("POST", "countTokens", tokens),
)
"""The operations of both, by the verb after the model's name."""
