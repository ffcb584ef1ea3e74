"""Every error a caller can be shown, as one tree.

GatewayError
├── InvalidRequest              400  the request itself is wrong; names the field and the rule
│   ├── InvalidParameter        400  not its body, but a parameter of its path or query
│   └── OperationNotSupported   400  the model is known, the operation is not
├── InvalidApiKey               401  data plane
├── InvalidManagementToken      401  management plane
├── PermissionDenied            403
├── NotFound                    404
│   └── ModelNotFound           404
├── MethodNotAllowed            405
├── Conflict                    409  it is in use, or another writer was first, again and again
│   └── AlreadyExists           409  its name is taken
├── BodyTooLarge                413
├── AllCooling                  429  every candidate is resting; says when the first is back
├── RateLimited                 429  a limit of this minute is reached; says when the next begins
│   └── QuotaExceeded           429  a limit of this day or month is reached; says when the next begins
├── UpstreamError               502
│   ├── UpstreamUnreachable     502
│   ├── UpstreamMisconfigured   502  a deployment's key, address or name is wrong: the pool's fault, not the caller's
│   ├── UpstreamTimeout         504
│   └── StreamInterrupted       –    told in band, as a stream's last event
└── ServiceUnavailable          503
    ├── RegistryUnavailable     503  nothing to serve from yet
    ├── EndpointNotRunning      503  the endpoint that was named is stopped
    ├── StorageUnavailable      503  a write or an operator's read could not reach storage
    └── EncryptionNotConfigured 503  refuses to keep a secret in plain text

An error that is not in this tree is a defect; the caller sees an opaque 500 with the request's id.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence


def retry_headers(seconds: float) -> list[tuple[bytes, bytes]]:
    """When to come back, in whole seconds (RFC 9110) and in milliseconds (OpenAI's SDKs prefer those)."""
    milliseconds = max(0, math.ceil(seconds * 1000))
    return [
        (b"retry-after", b"%d" % math.ceil(milliseconds / 1000)),
        (b"retry-after-ms", b"%d" % milliseconds),
    ]


class GatewayError(Exception):
    """A failure that is safe to show.

    status: HTTP status. type, code: OpenAI's slugs. mlflow_code, title: MLflow's and the tenant plane's words for it.
    param: the field at fault, if there is one. retry_after: seconds until a retry can work, if that is known.
    """

    status = 500
    type = "server_error"
    code = "internal_error"
    mlflow_code = "INTERNAL_ERROR"
    title = "Internal server error"

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.code
        self.retry_after = retry_after
        self.details: dict[str, str] = {}

    def body(self) -> bytes:
        """OpenAI's error object, the shape of the data and management planes."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": error | self.details}).encode()

    def mlflow_body(self) -> bytes:
        """MLflow's error object, the shape of the endpoints' own API."""
        return json.dumps({"error_code": self.mlflow_code, "message": self.message}).encode()

    def tenant_body(self) -> bytes:
        """The error of the tenant plane: what it is, and what would be right."""
        return json.dumps({"error": self.title, "details": self.message}).encode()

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What the answer says beside its body: when to come back, how to authenticate."""
        return [] if self.retry_after is None else retry_headers(self.retry_after)


class InvalidRequest(GatewayError):
    """The request is wrong in itself; the message names the field, the rule and what would be right."""

    status, type, code = 400, "invalid_request_error", "invalid_value"
    mlflow_code, title = "INVALID_PARAMETER_VALUE", "Invalid request body"


class InvalidParameter(InvalidRequest):
    """A parameter of the path or the query is wrong."""

    title = "Invalid request parameter"


class OperationNotSupported(InvalidRequest):
    """The model is known, but nothing behind it serves this operation.

    capability, provider: the operation and the model, as CapabilityNotSupported names them.
    """

    code = "operation_not_supported"

    def __init__(self, message: str, *, capability: str, provider: str) -> None:
        super().__init__(message, param="model")
        self.details = {"capability": capability, "provider": provider}


class Unauthenticated(GatewayError):
    """No credential, or one that is not known."""

    status, type = 401, "invalid_request_error"
    mlflow_code, title = "UNAUTHENTICATED", "Tenant ID not found in context"

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RFC 9110 section 11.6.1: a 401 names the scheme that would be accepted."""
        return [*super().headers(), (b"www-authenticate", b"Bearer")]


class InvalidApiKey(Unauthenticated):
    """The data plane's 401."""

    code = "invalid_api_key"


class InvalidManagementToken(Unauthenticated):
    """The management plane's 401."""

    code = "invalid_management_token"


class PermissionDenied(GatewayError):
    """Known, but not allowed: a tenant that is switched off or outside its time window."""

    status, type, code = 403, "invalid_request_error", "permission_denied"
    mlflow_code, title = "PERMISSION_DENIED", "Permission denied"


class NotFound(GatewayError):
    """No such thing."""

    status, type, code = 404, "invalid_request_error", "not_found"
    mlflow_code, title = "RESOURCE_DOES_NOT_EXIST", "Not found"


class ModelNotFound(NotFound):
    """No endpoint, model or class pool serves the requested model for this tenant."""

    code = "model_not_found"
    title = "Model not found"


class MethodNotAllowed(GatewayError):
    """The path is known, the method is not."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"
    mlflow_code, title = "BAD_REQUEST", "Method not allowed"

    def __init__(self, *, allow: str) -> None:
        super().__init__(f"This path does not take that method; it takes: {allow}.")
        self.allow = allow

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RFC 9110 section 15.5.6: a 405 names the methods that would do."""
        return [*super().headers(), (b"allow", self.allow.encode())]


class Conflict(GatewayError):
    """In use or already there, or changed by another writer more often than we were willing to start over."""

    status, type, code = 409, "invalid_request_error", "conflict"
    mlflow_code, title = "RESOURCE_CONFLICT", "Conflict"


class AlreadyExists(Conflict):
    """Another thing has that name."""

    code = "already_exists"
    mlflow_code, title = "RESOURCE_ALREADY_EXISTS", "Model already exists"


class BodyTooLarge(GatewayError):
    """The body is over the settable limit."""

    status, type, code = 413, "invalid_request_error", "request_too_large"
    mlflow_code, title = "BAD_REQUEST", "Request body too large"


class AllCooling(GatewayError):
    """Every candidate is cooling; retry_after is the soonest true return."""

    status, type, code = 429, "rate_limit_error", "rate_limit_exceeded"


class RateLimited(GatewayError):
    """A tenant's limit for a minute is reached; retry_after is when the next minute begins.

    limits: the `x-ratelimit-*` headers that say so.
    """

    status, type, code = 429, "rate_limit_error", "rate_limit_exceeded"
    mlflow_code, title = "REQUEST_LIMIT_EXCEEDED", "Rate limit exceeded"

    def __init__(
        self, message: str, *, retry_after: float | None = None, limits: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.limits = limits

    def headers(self) -> list[tuple[bytes, bytes]]:
        """When to come back, and where each limit stands."""
        return [*super().headers(), *self.limits]


class QuotaExceeded(RateLimited):
    """A tenant's limit for a day or a month is reached."""

    type, code = "insufficient_quota", "insufficient_quota"
    title = "Quota exceeded"


class UpstreamError(GatewayError):
    """The pool failed the caller and no upstream answer is left to pass through."""

    status, type, code = 502, "upstream_error", "upstream_error"


class UpstreamUnreachable(UpstreamError):
    """No connection, or one that ended before an answer began."""

    code = "upstream_unreachable"


class UpstreamMisconfigured(UpstreamError):
    """The upstream refused the gateway's own credential, or does not know the deployment."""

    code = "upstream_authentication_failed"


class UpstreamTimeout(UpstreamError):
    """No first byte before the deadline."""

    status, code = 504, "upstream_timeout"


class StreamInterrupted(UpstreamError):
    """The upstream stopped in the middle of its answer; the status was sent long ago."""

    code = "upstream_stream_interrupted"


class ServiceUnavailable(GatewayError):
    """The gateway itself can't do this now."""

    status, type, code = 503, "service_unavailable_error", "service_unavailable"
    mlflow_code, title = "TEMPORARILY_UNAVAILABLE", "Service unavailable"


class RegistryUnavailable(ServiceUnavailable):
    """No registry has been read yet, so no key can be checked and nothing can be served."""

    code = "registry_unavailable"


class EndpointNotRunning(ServiceUnavailable):
    """The model names an endpoint that is not running."""

    code = "endpoint_not_running"


class StorageUnavailable(ServiceUnavailable):
    """Storage did not answer; the data plane serves on from memory."""

    code = "storage_unavailable"


class EncryptionNotConfigured(ServiceUnavailable):
    """No encryption key, so no secret may be stored."""

    code = "encryption_not_configured"
    mlflow_code = "FEATURE_DISABLED"
