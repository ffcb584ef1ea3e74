"""The errors of the tenant plane as OpenAPI shows them: one shape, and an example of each."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from gateway import errors

Answers = dict[int | str, dict[str, Any]]
Kinds = tuple[type[errors.GatewayError], ...]


class TenantErrorView(BaseModel):
    """Every error has this shape."""

    error: str = Field(description="What went wrong: the same words for the same thing.")
    details: str = Field(description="For people: the field, the rule, and what would be right.")


# What each means here, and the details that it may carry.
_MEANINGS: dict[type[errors.GatewayError], tuple[str, str]] = {
    errors.InvalidRequest: (
        "A field of the body breaks its rule, or is not known. Nothing was stored.",
        "dimensions must be greater than 0",
    ),
    errors.InvalidParameter: (
        "A parameter of the path or the query breaks its rule.",
        "limit must be less than or equal to 100",
    ),
    errors.InvalidApiKey: (
        "No credential, or one that is not known.",
        "The API key is not known. Check it, or ask your operator for one.",
    ),
    errors.PermissionDenied: (
        "The tenant may not call now, or not do this, or it is another tenant's.",
        "Changing the catalog takes a management token, or a key whose tenant has the permission catalog:write.",
    ),
    errors.NotFound: ("No such tenant, or no such route.", "There is no tenant with the id 'contoso'."),
    errors.ModelNotFound: (
        "The catalog has no model of that id, the tenant does not have it configured, or none would do.",
        "There is no model with the id '550e8400-e29b-41d4-a716-446655440000'.",
    ),
    errors.AlreadyExists: (
        "The provider's model is in the catalog, or configured for the tenant, already. Nothing was stored.",
        "The model 550e8400-e29b-41d4-a716-446655440000 is configured for tenant 'contoso' already.",
    ),
    errors.Conflict: (
        "Other writers were first again and again. Nothing was stored.",
        "contoso/tenant is being changed by other writers; nothing was written. Try again.",
    ),
    errors.BodyTooLarge: (
        "The body is over 1 MB.",
        "The request body is larger than the limit of 1,048,576 bytes.",
    ),
    errors.RateLimited: (
        "The tenant's rate limit of this API is reached; `retry-after` says when to come back.",
        "There may be 100 reads of this API by tenant 'contoso' in a minute.",
    ),
    errors.StorageUnavailable: (
        "Storage did not answer; `retry-after` says when to try again.",
        "Storage did not answer in time.",
    ),
}

_EVERYWHERE: Kinds = (errors.InvalidApiKey, errors.PermissionDenied, errors.RateLimited, errors.StorageUnavailable)
READING: Kinds = (errors.InvalidParameter,)
WRITING: Kinds = (errors.InvalidRequest, errors.Conflict, errors.BodyTooLarge)


def documented(*kinds: type[errors.GatewayError]) -> Answers:
    """OpenAPI's answers for these errors, and for those that every guarded route can give."""
    answers: Answers = {}
    for kind in sorted({*_EVERYWHERE, *kinds}, key=lambda each: (each.status, each.title)):
        meaning, details = _MEANINGS[kind]
        blank: dict[str, Any] = {
            "model": TenantErrorView,
            "description": "",
            "content": {"application/json": {"examples": {}}},
        }
        answer = answers.setdefault(kind.status, blank)
        answer["description"] = f"{answer['description']} `{kind.title}`: {meaning}".strip()
        example = {"value": {"error": kind.title, "details": details}}
        answer["content"]["application/json"]["examples"][kind.title] = example
    answers["default"] = {"model": TenantErrorView, "description": "Any other error, in the same shape."}
    return answers
