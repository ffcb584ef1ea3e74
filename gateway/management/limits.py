"""A JSON schema's limits in words."""

from __future__ import annotations

from typing import Any

from gateway.management.document import REFERENCE

Json = dict[str, Any]


def in_words(schema: Json) -> str:
    """`string: 1 to 64 letters`, `integer: 0 to 100, or null`, `list of at most 100, each a string: …`."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REFERENCE)
    if "anyOf" in schema:
        return ", or ".join(in_words(each) for each in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    describe = _KINDS.get(schema.get("type", ""))
    return describe(schema) if describe is not None else str(schema.get("type", "anything"))


def _string(schema: Json) -> str:
    if "x-rule" in schema:
        return f"string: {schema['x-rule']}"
    return "date and time, ISO 8601" if schema.get("format") == "date-time" else "string"


def _number(schema: Json) -> str:
    parts = []
    if "exclusiveMinimum" in schema:
        parts.append(f"over {schema['exclusiveMinimum']:,.0f}")
    if "minimum" in schema:
        parts.append(f"at least {schema['minimum']:,.0f}")
    if "maximum" in schema:
        parts.append(f"at most {schema['maximum']:,.0f}")
    return ": ".join(filter(None, [schema["type"], ", ".join(parts)]))


def _list(schema: Json) -> str:
    size = f" of at most {schema['maxItems']}" if "maxItems" in schema else ""
    different = " different" if schema.get("uniqueItems") else ""
    return f"list{size}{different}, each {in_words(schema['items'])}"


def _object(schema: Json) -> str:
    size = f" of at most {schema['maxProperties']}" if "maxProperties" in schema else ""
    values = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), None)
    return f"object{size}" + (f", each value {in_words(values)}" if isinstance(values, dict) else "")


_KINDS = {
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": lambda _: "true or false",
    "array": _list,
    "object": _object,
}
