"""Bedrock's runtime API: models in their publishers' own form, and converse."""

from __future__ import annotations

from simulator.api import Api, Refusal
from simulator.call import Call, Raw, count, pieces, text, words
from simulator.openai import chat
from simulator.operations import Operation
from simulator.providers import anthropic
from simulator.providers.eventstream import EVENTS
from simulator.streams import Stream
from simulator.vectors import vector
from simulator.wire import Json, encode_json

# status: (AWS's name for it, message)
_KNOWN = {
    400: ("ValidationException", "The request could not be understood."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    404: ("ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."),
    408: ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    424: ("ModelErrorException", "The system encountered an unexpected error during processing."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: ("InternalServerException", "The system encountered an unexpected error during processing."),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}


def _error(refusal: Refusal) -> Json:
    return {"message": refusal.message or _KNOWN.get(refusal.status, _KNOWN[500])[1]}


def _headers(identity: str, refusal: Refusal | None) -> dict[str, str]:
    own = {"x-amzn-requestid": identity}
    if refusal is not None:
        own["x-amzn-errortype"] = refusal.code or _KNOWN.get(refusal.status, _KNOWN[500])[0]
    return own


BEDROCK = Api(
    "bedrock",
    _error,
    _headers,
    signed=True,
    keyless=Refusal(403, "Missing Authentication Token", code="MissingAuthenticationTokenException"),
    wrong_key=Refusal(
        403, "The security token included in the request is invalid.", code="UnrecognizedClientException"
    ),
)


def converse(call: Call) -> Json:
    """A message in the form that Bedrock has for all models."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text(call)}]}},
        "stopReason": "end_turn",
        **_measures(call),
    }


def converse_stream(call: Call) -> Stream:
    """The same as it is made."""
    deltas = ({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": piece}}} for piece in pieces(call))
    closing: list[Json] = [
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": _measures(call)},
    ]
    return Stream([{"messageStart": {"role": "assistant"}}], deltas, closing, EVENTS)


def invoke(call: Call) -> Raw:
    """What the model's publisher would answer, by the shape of the body."""
    answer = encode_json(_shape(call).answer(call))
    counts = {"input": _input_tokens(call), "output": count(call)}
    headers = {f"x-amzn-bedrock-{what}-token-count": str(number) for what, number in counts.items()}
    return Raw(answer, "application/json", headers | {"x-amzn-bedrock-invocation-latency": "1"})


def invoke_stream(call: Call) -> Stream:
    """The same as it is made, each of the publisher's events in a frame."""
    stream = _shape(call).stream
    if stream is None:
        raise Refusal(400, "The model is unsupported for streaming.")
    made = stream(call)
    opening: list[Json] = [{"chunk": event} for event in made.opening if event.get("type") != "ping"]
    closing: list[Json] = [{"chunk": event} for event in made.closing]
    metrics = {"inputTokenCount": _input_tokens(call), "outputTokenCount": count(call)}
    closing[-1]["chunk"]["amazon-bedrock-invocationMetrics"] = {**metrics, "invocationLatency": 1}
    return Stream(opening, ({"chunk": event} for event in made.contents), closing, EVENTS)


def _measures(call: Call) -> Json:
    heard, said = _input_tokens(call), count(call)
    usage = {"inputTokens": heard, "outputTokens": said, "totalTokens": heard + said}
    return {"usage": usage, "metrics": {"latencyMs": 1}}


def _input_tokens(call: Call) -> int:
    return sum(words(call.fields.get(name)) for name in ("messages", "system", "prompt", "inputText", "texts"))


def _llama(call: Call) -> Json:
    counts = {"prompt_token_count": _input_tokens(call), "generation_token_count": count(call)}
    return {"generation": text(call), **counts, "stop_reason": "stop"}


def _llama_stream(call: Call) -> Stream:
    nothing: Json = {"prompt_token_count": None, "generation_token_count": None, "stop_reason": None}
    contents = ({"generation": piece, **nothing} for piece in pieces(call))
    return Stream([], contents, [{**_llama(call), "generation": ""}], EVENTS)


def _titan_embedding(call: Call) -> Json:
    values = vector(call.fields["inputText"], call.fields.get("dimensions"))
    return {"embedding": values, "inputTextTokenCount": _input_tokens(call)}


def _cohere_embedding(call: Call) -> Json:
    given = call.fields["texts"]
    texts = given if isinstance(given, list) else [given]
    answer = {"id": call.id, "texts": texts, "response_type": "embeddings_floats"}
    return {**answer, "embeddings": [vector(each) for each in texts]}


# By the field that only this publisher's bodies have; the first that is there decides.
_SHAPES = {
    "anthropic_version": Operation("POST", "invoke", anthropic.message, anthropic.message_stream),
    "inputText": Operation("POST", "invoke", _titan_embedding),
    "texts": Operation("POST", "invoke", _cohere_embedding),
    "prompt": Operation("POST", "invoke", _llama, _llama_stream),
    "messages": Operation("POST", "invoke", chat.chat, chat.chat_stream),
}


def _shape(call: Call) -> Operation:
    for name, shape in _SHAPES.items():
        if name in call.fields:
            return shape
    raise Refusal(400, f"Malformed input request: expected one of {', '.join(_SHAPES)}, please reformat your input.")


OPERATIONS = (
    Operation("POST", "invoke", invoke),
    Operation("POST", "invoke-with-response-stream", invoke_stream),
    Operation("POST", "converse", converse, required=("messages",)),
    Operation("POST", "converse-stream", converse_stream, required=("messages",)),
)
