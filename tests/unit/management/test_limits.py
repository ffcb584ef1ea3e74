"""A JSON schema's limits in words."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.management.limits import in_words


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/components/schemas/TenantView"}, "TenantView"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "true or false, or null"),
        ({"type": "string", "enum": ["key", "managed_identity"]}, "one of key, managed_identity"),
        ({"type": "string"}, "string"),
        ({"type": "string", "x-rule": "1 to 64 letters"}, "string: 1 to 64 letters"),
        ({"type": "string", "format": "date-time"}, "date and time, ISO 8601"),
        ({"type": "integer"}, "integer"),
        ({"type": "integer", "minimum": 1, "maximum": 1_000_000_000}, "integer: at least 1, at most 1,000,000,000"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1000}, "number: over 0, at most 1,000"),
        ({"type": "array", "items": {"type": "string"}}, "list, each string"),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 100, "uniqueItems": True},
            "list of at most 100 different, each string",
        ),
        ({"type": "object"}, "object"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "object, each value true or false"),
        (
            {"type": "object", "maxProperties": 20, "patternProperties": {"^x$": {"type": "string"}}},
            "object of at most 20, each value string",
        ),
        ({"type": "null"}, "null"),
        ({}, "anything"),
    ],
)
def test_limits_are_said_in_words(schema: dict[str, Any], words: str) -> None:
    assert in_words(schema) == words
