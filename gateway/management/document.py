"""The OpenAPI document's examples made whole: FastAPI takes every null out of them, and pydantic their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

REFERENCE = "#/components/schemas/"


def completed(document: Json) -> Json:
    """The document, changed in place: in each example the schema's required fields are there, in the schema's order."""
    schemas: Json = document["components"]["schemas"]
    for schema in schemas.values():
        if "examples" in schema:
            schema["examples"] = [_whole(example, schema, schemas) for example in schema["examples"]]
    for _, _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            # What may be left out of a query is no null in it.
            kinds = parameter["schema"].pop("anyOf", [{}])
            parameter["schema"] |= kinds[0]
        for answer in operation["responses"].values():
            content = answer.get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                example["value"] = _whole(example["value"], content["schema"], schemas)
    return document


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Each operation of a document: path, method, what is said of it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(schema: Json, schemas: Json) -> Json:
    """The schema itself, or the one that it refers to."""
    found: Json = schemas[schema["$ref"].removeprefix(REFERENCE)] if "$ref" in schema else schema
    return found


def _whole(example: Any, schema: Json, schemas: Json) -> Any:
    schema = resolved(schema, schemas)
    if isinstance(example, list) and "items" in schema:
        return [_whole(each, schema["items"], schemas) for each in example]
    fields = schema.get("properties")
    if fields is None:
        return example
    return {
        name: _whole(example.get(name), field, schemas)
        for name, field in fields.items()
        if name in example or name in schema.get("required", ())
    }
