"""Error bodies as Azure OpenAI and OpenAI write them."""

from __future__ import annotations

from typing import Literal

from simulator.wire import Json

Style = Literal["azure", "openai"]

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
    429: (
        "429",
        "requests",
        "rate_limit_exceeded",
        "Requests have exceeded the token rate limit of your current pricing tier. Please retry later.",
    ),
    500: ("InternalServerError", "server_error", None, "The server had an error while processing your request."),
    503: ("ServiceUnavailable", "server_error", None, "The server is currently overloaded. Please retry later."),
}


def error_body(style: Style, status: int, message: str | None = None) -> Json:
    """The body of an answer with this status, in the style of the API that was called."""
    azure_code, kind, code, usual = _KNOWN.get(status, (str(status), "server_error", None, "The request failed."))
    if style == "azure":
        return {"error": {"code": azure_code, "message": message or usual}}
    return {"error": {"message": message or usual, "type": kind, "param": None, "code": code}}


def in_band_error() -> Json:
    """The error that a broken stream carries as an event."""
    return error_body("openai", 500)
