"""Stand-ins for the protobuf messages that the worker runtime exchanges with its host. Standard library only."""

from types import SimpleNamespace
from typing import Any

_MAPPINGS = frozenset({"attributes", "capabilities", "headers", "params", "query", "trigger_metadata"})
_LISTS = frozenset({"input_data", "output_data", "raw_bindings"})
_PLAIN = (
    "FunctionEnvironmentReloadResponse FunctionLoadResponse FunctionMetadataResponse InvocationResponse NullableBool "
    "NullableDouble NullableString NullableTimestamp ParameterBinding RpcException RpcFunctionMetadata RpcHttp "
    "RpcRetryOptions TypedData WorkerInitResponse WorkerMetadata"
)


class Message(SimpleNamespace):
    """One message: built from keywords; a field that was not set reads as its empty value, as protobuf has it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name[0].isupper():  # a capital is a message class, which no message holds
            raise AttributeError(name)
        if name in _MAPPINGS:
            return {}
        if name in _LISTS:
            return []
        return Message() if name == "body" else ""

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802  # protobuf's name
        """The field that is set, of a message that has one payload; its `name` is no payload."""
        return next((field for field in vars(self) if field != "name"), None)


def _kind(name: str, **constants: Any) -> type[Message]:
    return type(name, (Message,), constants)


PROTOS = SimpleNamespace(
    BindingInfo=_kind("BindingInfo", undefined=0, out=1, inout=2, **{"in": 0}),
    StatusResult=_kind("StatusResult", Failure=0, Success=1),
    RpcHttpCookie=_kind("RpcHttpCookie", SameSite=SimpleNamespace(Lax=1, Strict=2, ExplicitNone=3)),
    **{name: _kind(name) for name in _PLAIN.split()},
)
"""What the worker takes its message classes from, in place of the generated module."""


def envelope(kind: str, body: Message, **properties: Any) -> SimpleNamespace:
    """The request of `kind` as the runtime's handlers take it."""
    return SimpleNamespace(request=SimpleNamespace(**{kind: body}), properties=properties)
