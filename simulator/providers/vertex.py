"""Vertex AI's own API: Google's models, and those of other publishers in their own form."""

from __future__ import annotations

from simulator.api import Api, Refusal
from simulator.call import Call, an_object, objects, words
from simulator.openai import chat
from simulator.operations import Operation
from simulator.providers import anthropic, gemini, google
from simulator.streams import Stream
from simulator.vectors import vector
from simulator.wire import Json

_NO_CREDENTIALS = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential."
)
VERTEX = Api("vertex", google.error, google.headers, keyless=Refusal(401, _NO_CREDENTIALS, code="CREDENTIALS_MISSING"))


def predict(call: Call) -> Json:
    """One embedding for each instance."""
    size = an_object(call.fields.get("parameters")).get("outputDimensionality")
    predictions = [_prediction(each.get("content"), size) for each in objects(call.fields["instances"])]
    return {"predictions": predictions, "metadata": {"billableCharacterCount": 0}}


def _prediction(said: object, size: object) -> Json:
    statistics = {"token_count": words(said), "truncated": False}
    return {"embeddings": {"values": vector(said, size), "statistics": statistics}}


def raw(call: Call) -> Json:
    """What the publisher's own API would answer: Anthropic's messages, OpenAI's chat for any other."""
    if call.path["publisher"] != "anthropic":
        return chat.chat(call)
    return anthropic.message(_versioned(call))


def raw_stream(call: Call) -> Stream:
    """The same as a stream."""
    if call.path["publisher"] != "anthropic":
        return chat.chat_stream(call)
    return anthropic.message_stream(_versioned(call))


def _versioned(call: Call) -> Call:
    if not call.fields.get("anthropic_version"):
        raise Refusal(400, "anthropic_version: Field required")
    return call


MODEL_OPERATIONS = (
    *gemini.MODEL_OPERATIONS,
    Operation("POST", "predict", predict, required=("instances",)),
    Operation("POST", "rawPredict", raw, raw_stream, required=("messages",)),
    Operation("POST", "streamRawPredict", raw_stream, required=("messages",)),
)
COUNT_OPERATIONS = (Operation("POST", "rawPredict", anthropic.count_tokens, required=("messages",)),)
"""How many tokens Anthropic's models would take in; the body names the model."""
