"""The errors as OpenAPI shows them: one shape, and an example of each code."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from gateway import errors

Answers = dict[int | str, dict[str, Any]]

EVERYWHERE: tuple[type[errors.GatewayError], ...] = (errors.InvalidManagementToken, errors.StorageUnavailable)


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str = Field(description="For people: the field, the rule, and what would be right.")
    type: str = Field(description="The family of the error.")
    param: str | None = Field(description="The field at fault, such as `models[3]`; null when no single one is.")
    code: str = Field(description="For programs: what went wrong.")


class ErrorView(BaseModel):
    """Every other error has this shape, which is OpenAI's."""

    error: ErrorDetail = Field(description="What went wrong.")


class MlflowErrorView(BaseModel):
    """Every error of the routes of endpoints, keys and providers has this shape, which is MLflow's."""

    error_code: str = Field(description="For programs: what went wrong.")
    message: str = Field(description="For people: the field, the rule, and what would be right.")


# What each means here, a message it may carry, and the field that message is about.
_MEANINGS: dict[type[errors.GatewayError], tuple[str, str, str | None]] = {
    errors.InvalidRequest: (
        "The request is wrong in itself. Nothing was stored.",
        "friendly_name must be 1 to 64 letters, digits, '-', '_' or '.'",
        "friendly_name",
    ),
    errors.InvalidManagementToken: (
        "No management token, or one that is not known or not active.",
        "Send a known management token as 'Authorization: Bearer <token>'.",
        None,
    ),
    errors.NotFound: ("No such thing.", "There is no deployment 'openai-chat/gpt-4o-east'.", None),
    errors.Conflict: (
        "It is in use, its id is taken, or other writers were first again and again. Nothing was stored.",
        "A tenant with the id 'contoso' exists already.",
        None,
    ),
    errors.BodyTooLarge: (
        "The body is over 1 MB.",
        "The request body is larger than the limit of 1,048,576 bytes.",
        None,
    ),
    errors.StorageUnavailable: (
        "Storage did not answer; `retry-after` says when to try again. Calls are served on from memory.",
        "Storage did not answer in time.",
        None,
    ),
    errors.EncryptionNotConfigured: (
        "The gateway has no encryption key (GATEWAY_ENCRYPTION_KEY) and keeps no secret in plain text.",
        "No encryption key is configured, so no secret is stored.",
        None,
    ),
}


# The same where the routes of endpoints, keys and providers have other examples.
_MLFLOW_MEANINGS = _MEANINGS | {
    errors.InvalidRequest: (
        "The request is wrong in itself, or not possible as things are. Nothing was stored.",
        "models of priority 0: the weights sum to 0.9, and must sum to 1.0",
        None,
    ),
    errors.NotFound: ("No such thing.", "There is no endpoint named 'support-chat'.", None),
    errors.Conflict: (
        "It is in use, or other writers were first again and again. Nothing was stored.",
        "The key is used by the deployment 'openai-chat/gpt-4o-east': give those another key first.",
        None,
    ),
    errors.AlreadyExists: (
        "The name is taken. Nothing was stored.",
        "The name 'support-chat' is taken by another endpoint.",
        None,
    ),
}


def documented(*kinds: type[errors.GatewayError]) -> Answers:
    """OpenAPI's answers for these errors, and for those that every guarded route can give."""
    answers: Answers = {}
    for kind in _sorted(kinds):
        meaning, message, param = _MEANINGS[kind]
        error = {"message": message, "type": kind.type, "param": param, "code": kind.code}
        _add(answers, ErrorView, kind.status, kind.code, meaning, {"error": error})
    answers["default"] = {"model": ErrorView, "description": "Any other error, in the same shape."}
    return answers


def documented_mlflow(*kinds: type[errors.GatewayError]) -> Answers:
    """The same for the routes whose errors have MLflow's shape."""
    answers: Answers = {}
    for kind in _sorted(kinds):
        meaning, message, _ = _MLFLOW_MEANINGS[kind]
        code = kind.mlflow_code
        _add(answers, MlflowErrorView, kind.status, code, meaning, {"error_code": code, "message": message})
    answers["default"] = {"model": MlflowErrorView, "description": "Any other error, in the same shape."}
    return answers


def _sorted(kinds: tuple[type[errors.GatewayError], ...]) -> list[type[errors.GatewayError]]:
    return sorted({*kinds, *EVERYWHERE}, key=lambda each: (each.status, each.code))


def _add(answers: Answers, view: type[BaseModel], status: int, code: str, meaning: str, example: object) -> None:
    blank: dict[str, Any] = {"model": view, "description": "", "content": {"application/json": {"examples": {}}}}
    answer = answers.setdefault(status, blank)
    answer["description"] = f"{answer['description']} `{code}`: {meaning}".strip()
    answer["content"]["application/json"]["examples"][code] = {"value": example}
