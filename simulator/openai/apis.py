"""How OpenAI and Azure OpenAI write errors and headers, and frame their streams."""

from __future__ import annotations

from simulator import wire
from simulator.api import Api, Refusal
from simulator.record import Received
from simulator.streams import Framing
from simulator.wire import Json

# status: (Azure's code, OpenAI's type, OpenAI's code, message)
_KNOWN: dict[int, tuple[str, str, str | None, str]] = {
    400: ("BadRequest", "invalid_request_error", None, "The request could not be understood."),
    401: (
        "401",
        "invalid_request_error",
        "invalid_api_key",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
        "active subscription and use a correct regional API endpoint for your resource.",
    ),
    403: ("403", "invalid_request_error", "forbidden", "Access denied due to Virtual Network/Firewall rules."),
    404: (
        "DeploymentNotFound",
        "invalid_request_error",
        "model_not_found",
        "The API deployment for this resource does not exist.",
    ),
    408: ("Timeout", "timeout", "request_timeout", "The operation was timeout."),
    413: ("413", "invalid_request_error", "request_too_large", "Request body is too large."),
    415: ("415", "invalid_request_error", "unsupported_content_type", "Unsupported content type."),
    429: (
        "429",
        "requests",
        "rate_limit_exceeded",
        "Requests have exceeded the token rate limit of your current pricing tier. Please retry later.",
    ),
    500: ("InternalServerError", "server_error", None, "The server had an error while processing your request."),
    503: ("ServiceUnavailable", "server_error", None, "The server is currently overloaded. Please retry later."),
}


def _openai_error(refusal: Refusal) -> Json:
    _, kind, code, usual = _known(refusal.status)
    if refusal.message is not None:
        code = refusal.code
    return {"error": {"message": refusal.message or usual, "type": kind, "param": refusal.param, "code": code}}


def _azure_error(refusal: Refusal) -> Json:
    if refusal.param is not None:  # what concerns a field, Azure passes on as OpenAI says it
        return _openai_error(refusal)
    code, _, _, usual = _known(refusal.status)
    return {"error": {"code": refusal.code or code, "message": refusal.message or usual}}


def _known(status: int) -> tuple[str, str, str | None, str]:
    return _KNOWN.get(status, (str(status), "server_error", None, "The request failed."))


# Only good answers carry limits: an error says by its script alone when to come again.
_LIMITS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999900",
}
_OPENAI_HEADERS = {
    "set-cookie": "__cf_bm=simulated; path=/; HttpOnly; Secure",
    "openai-organization": "simulated",
    "openai-version": "2020-10-01",
}
_AZURE_HEADERS = {"set-cookie": "ARRAffinity=simulated; Path=/; HttpOnly; Secure", "x-ms-region": "East US"}
_GOOD_OPENAI_HEADERS = _OPENAI_HEADERS | _LIMITS
_GOOD_AZURE_HEADERS = _AZURE_HEADERS | _LIMITS


def _openai_headers(identity: str, refusal: Refusal | None) -> dict[str, str]:
    return {"x-request-id": identity, **(_OPENAI_HEADERS if refusal else _GOOD_OPENAI_HEADERS)}


def _azure_headers(identity: str, refusal: Refusal | None) -> dict[str, str]:
    own = _AZURE_HEADERS if refusal else _GOOD_AZURE_HEADERS
    return {"x-request-id": identity, "apim-request-id": identity, **own}


_TIMING_HEADER = "openai-processing-ms"
_KEY_HEADERS = (b"api-key",)


def _unversioned(received: Received) -> Refusal | None:
    return None if "api-version=" in received.query else Refusal(404, "Resource not found", code="404")


OPENAI = Api("openai", _openai_error, _openai_headers, _TIMING_HEADER, _KEY_HEADERS)
AZURE = Api("azure", _azure_error, _azure_headers, _TIMING_HEADER, _KEY_HEADERS, incomplete=_unversioned)

_FAILED = _openai_error(Refusal(500))

CHUNKS = Framing("text/event-stream", wire.event, b"data: [DONE]\n\n", _FAILED)
"""Events without a name, and `[DONE]` after the last: chat and completions."""
EVENTS = Framing("text/event-stream", wire.event, error=_FAILED)
"""Events without a name: speech and transcriptions."""
NAMED_EVENTS = Framing("text/event-stream", wire.named_event, error={"type": "error", **_FAILED})
"""Events named by their type: images."""
RESPONSE_EVENTS = Framing(
    "text/event-stream", wire.named_event, error={**_FAILED["error"], "type": "error", "code": "server_error"}
)
"""Events named by their type, and errors as the Responses API writes them."""
