"""What FastAPI and pydantic find wrong, said in the gateway's own error tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.errors import InvalidParameter, InvalidRequest, MethodNotAllowed, NotFound

SHOWN_AT_ONCE = 5

_WORDS = {
    "missing": "is required",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def refuse_in_our_words(app: FastAPI, prefixes: Sequence[str], where: str) -> None:
    """Have all that FastAPI refuses raised as errors of the tree, for the guard to answer.

    prefixes: what the app's routers are under. where: what names the routes, for whoever asked for none of them.
    """

    async def refuse_invalid(_: Request, error: RequestValidationError) -> NoReturn:
        raise invalid(error.errors())

    async def refuse_http(request: Request, error: HTTPException) -> NoReturn:
        if error.status_code == 404:
            raise NotFound(f"There is no such route; {where}.")
        if error.status_code == 405:
            prefix = next(each for each in prefixes if request.scope["path"].startswith(each))
            methods = request.app.openapi()["paths"][prefix + request.scope["route"].path]
            raise MethodNotAllowed(allow=", ".join(method.upper() for method in methods))
        raise InvalidRequest("the body is not valid JSON")

    async def leave_it(_: Request, error: Exception) -> NoReturn:
        raise error

    app.exception_handler(RequestValidationError)(refuse_invalid)
    app.exception_handler(HTTPException)(refuse_http)
    app.exception_handler(Exception)(leave_it)


def invalid(found: Sequence[Mapping[str, Any]]) -> InvalidRequest:
    """One error for all that pydantic found. Values are never repeated: one of them may be a key."""
    said = [f"{_param(each) or 'the body'} {_problem(each)}" for each in found[:SHOWN_AT_ONCE]]
    if len(found) > SHOWN_AT_ONCE:
        said.append(f"and {len(found) - SHOWN_AT_ONCE} more")
    kind = InvalidRequest if found[0]["loc"][0] == "body" else InvalidParameter
    return kind("; ".join(said), param=_param(found[0]))


def _param(error: Mapping[str, Any]) -> str | None:
    """Where: `models[3]`, `tags.env`; None for the body itself."""
    if error["type"] == "json_invalid":
        return None
    # The first part says body or path; pydantic marks the key of a dictionary by a last part "[key]".
    parts = [part for part in error["loc"][1:] if part != "[key]"]
    if error["type"] == "unknown_field":
        parts.append(error["ctx"]["field"])
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:64]}" for part in parts)
    return path.removeprefix(".") or None


def _problem(error: Mapping[str, Any]) -> str:
    """The rule that is broken, as the end of a sentence."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "json_invalid":
        return f"is not valid JSON: {context['error']} at character {error['loc'][-1]}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "unknown_field":
        return str(error["msg"])
    if len(error["loc"]) == 1:
        return "must be a JSON object, sent with content-type: application/json"
    # "Input should be less than or equal to 100" → "must be less than or equal to 100"
    return _WORDS.get(kind) or re.sub(r"^\w+ should ", "must ", error["msg"]).replace(" after validation", "")
