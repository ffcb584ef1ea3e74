"""The rules of fields, each told to the operator who broke it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.management import rules
from gateway.registry import names
from tests.unit.management.plane import Plane, refusal

NAME_RULE = names.NAME_RULE
URL_RULE = "must be http:// or https:// with a host"
LIST_RULE = "must be an object (operation: true or false) or a list of operations"
MOMENT_RULE = "must be a date and time such as 2026-11-20T09:00:00Z, not before 1970"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("deployment_class", "openai-chats", "must be one of openai-chat, openai-completions"),
        ("deployment_class", "OPENAI-CHAT", "did you mean 'openai-chat'?"),
        ("deployment_class", "x' or PartitionKey ne '", "must be one of openai-chat"),
        ("deployment_class", 7, "must be a string"),
        ("deployment_class", None, "must be a string"),
        ("friendly_name", "", NAME_RULE),
        ("friendly_name", "x" * 65, NAME_RULE),
        ("friendly_name", "a/b", NAME_RULE),
        ("friendly_name", "a\\b", NAME_RULE),
        ("friendly_name", "a#b", NAME_RULE),
        ("friendly_name", "a?b", NAME_RULE),
        ("friendly_name", "a b", NAME_RULE),
        ("friendly_name", "east\n", NAME_RULE),
        ("friendly_name", "\u0661", NAME_RULE),
        ("friendly_name", ["east"], "must be a string"),
        ("friendly_name", None, "must be a string"),
        ("deployment_name", "gpt/4o", f"must be {NAME_RULE} for provider azure"),
        ("deployment_name", "x" * 129, "1 to 128 letters"),
        ("deployment_name", None, "is required"),
        ("endpoint_key", "", "1 to 512 printable ASCII characters without spaces"),
        ("endpoint_key", "k" * 513, "1 to 512 printable ASCII"),
        ("endpoint_key", "two words", "1 to 512 printable ASCII"),
        ("endpoint_key", "key\r\nx-injected: yes", "1 to 512 printable ASCII"),
        ("endpoint_key", "schl\u00fcssel", "1 to 512 printable ASCII"),
        ("endpoint_key", "*********", "keeps the key that is stored, and none is"),
        ("endpoint_key", None, "is required, or auth 'managed_identity'"),
        ("resource_name", "-east", "1 to 63 letters, digits or '-', not at either end"),
        ("resource_name", "east.evil.example/", "1 to 63 letters"),
        ("resource_name", "", "1 to 63 letters"),
        ("resource_name", None, "is required for provider azure, or endpoint_url"),
        ("active", "true", "must be true or false"),
        ("active", 1, "must be true or false"),
        ("provider", "azur", "did you mean 'azure'?"),
        ("endpoint_url", "", URL_RULE),
        ("endpoint_url", "contoso.example", URL_RULE),
        ("endpoint_url", "ftp://contoso.example", URL_RULE),
        ("endpoint_url", "file:///etc/passwd", URL_RULE),
        ("endpoint_url", "https://", URL_RULE),
        ("endpoint_url", "https:///path", URL_RULE),
        ("endpoint_url", "https://user:pass@contoso.example", URL_RULE),
        ("endpoint_url", "https://contoso.example?x=1", URL_RULE),
        ("endpoint_url", "https://contoso.example/#x", URL_RULE),
        ("endpoint_url", "https://contoso.example\\@evil.example", URL_RULE),
        ("endpoint_url", "https://contoso.example/a b", URL_RULE),
        ("endpoint_url", "https://contoso.example/%zz", URL_RULE),
        ("endpoint_url", "https://contoso..example", URL_RULE),
        ("endpoint_url", f"https://{'x' * 64}.example", URL_RULE),
        ("endpoint_url", "https://contoso.example:0", URL_RULE),
        ("endpoint_url", "https://contoso.example:65536", URL_RULE),
        ("endpoint_url", "https://contoso.example:", URL_RULE),
        ("endpoint_url", "https://[::1", URL_RULE),
        ("endpoint_url", "https://[::1::]", URL_RULE),
        ("endpoint_url", "https://b\u00fccher.example", URL_RULE),
        ("endpoint_url", "https://contoso.example/" + "x" * 489, "512 characters at most"),
        ("api_version", "2024-10", "a date such as 2024-10-21"),
        ("api_version", "2024-10-21&x=1", "a date such as 2024-10-21"),
        ("models", "gpt-4o", "must be a list"),
        ("models", ["gpt-4o", "gpt-4o"], "must not name 'gpt-4o' twice"),
        ("models", ["x"] * 101, "must have at most 100 items, not 101"),
        ("supported_endpoints", "chat", LIST_RULE),
        ("supported_endpoints", [1], LIST_RULE),
        ("supported_endpoints", [], "must enable at least one operation of chat, completion, embedding"),
        ("supported_endpoints", {}, "must enable at least one"),
        ("supported_endpoints", {"chat": False}, "must enable at least one"),
        ("supported_endpoints", {"chat": "true"}, "must say true or false of each operation"),
        ("supported_endpoints", {"chat": 1}, "must say true or false of each operation"),
        ("supported_endpoints", {"chats": True}, "'chats' is no operation; known are: chat, completion"),
        ("supported_endpoints", ["c" * 65], "must name known operations only: chat, completion"),
        ("weight", 0, "must be greater than 0"),
        ("weight", -1, "must be greater than 0"),
        ("weight", 1000.5, "must be less than or equal to 1000"),
        ("weight", "1", "must be a number"),
        ("weight", True, "must be a number"),
        ("weight", float("nan"), "must be a finite number"),
        ("weight", float("inf"), "must be a finite number"),
        ("priority", -1, "must be greater than or equal to 0"),
        ("priority", 101, "must be less than or equal to 100"),
        ("priority", 1.5, "must be an integer"),
        ("priority", "1", "must be an integer"),
        ("priority", False, "must be an integer"),
        ("auth", "password", "must be one of key, managed_identity"),
        ("key_id", "a b", NAME_RULE),
        ("key_id", 4711, "must be a string"),
        ("endpoint_id", "4711", "can't be changed"),
        ("region", "", "1 to 64 characters on one line"),
        ("region", " east", "no space at either end"),
        ("region", "two\nlines", "1 to 64 characters on one line"),
        ("region", "x" * 65, "1 to 64 characters"),
        ("tags", [], "must be an object"),
        ("tags", {str(number): "x" for number in range(21)}, "must have at most 20 items"),
        ("rpm", 0, "must be greater than or equal to 1"),
        ("rpm", 1.0, "must be an integer"),
        ("tpm", 1_000_000_001, "must be less than or equal to 1000000000"),
    ],
)
async def test_a_field_that_breaks_its_rule_is_refused_by_name(plane: Plane, field: str, value: Any, said: str) -> None:
    error = refusal(await plane.upsert(**{field: value}))
    assert error["message"].startswith(f"{field} ") and said in error["message"]
    assert (error["param"], error["code"]) == (field, "invalid_value")
    assert await plane.stored() == {}


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({"models": ["ok", "not ok"]}, "models[1]", "1 to 128 letters"),
        ({"models": ["ok", 7]}, "models[1]", "must be a string"),
        ({"tags": {"team": 7}}, "tags.team", "must be a string"),
        ({"tags": {"team": "x" * 257}}, "tags.team", "1 to 256 characters"),
        ({"tags": {" team": "x"}}, "tags. team", "1 to 64 characters"),
        ({"tags": {"t" * 100: "x"}}, "tags." + "t" * 64, "1 to 64 characters"),
    ],
)
async def test_a_wrong_part_of_a_field_is_named_by_its_path(
    plane: Plane, body: dict[str, Any], param: str, said: str
) -> None:
    error = refusal(await plane.upsert(**body))
    assert error["param"] == param
    assert error["message"].startswith(param) and said in error["message"]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "http://127.0.0.1:7071",
        "http://[::1]:8080/v1",
        "https://my_service:8443/a%20b/c/",
        "https://contoso.services.ai.azure.com/openai/v1",
        "https://contoso.example/" + "x" * 488,
    ],
)
async def test_an_address_may_have_a_port_and_a_path(plane: Plane, url: str) -> None:
    assert (await plane.upsert(endpoint_url=url, resource_name=None)).json["endpoint_url"] == url


@pytest.mark.parametrize(
    ("supported", "shown"),
    [
        (["chat", "embedding"], {"chat": True, "embedding": True}),
        (["/v1/chat/completions", "CHAT"], {"chat": True}),
        ({"openai-embeddings": True, "completions": True, "chat": False}, {"completion": True, "embedding": True}),
    ],
)
async def test_supported_endpoints_come_in_seed_000s_forms_and_are_shown_in_one(
    plane: Plane, supported: Any, shown: dict[str, bool]
) -> None:
    assert (await plane.upsert(supported_endpoints=supported)).json["supported_endpoints"] == shown


async def test_an_integer_is_a_number(plane: Plane) -> None:
    assert (await plane.upsert(weight=1000)).json["weight"] == 1000.0


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-20T09:00:00Z", "2026-11-20T09:00:00+00:00"),
        ("2026-11-20T09:00:00", "2026-11-20T09:00:00+00:00"),
        ("2026-11-20", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20T09:00:00.25+02:00", "2026-11-20T07:00:00.250000+00:00"),
    ],
)
def test_a_moment_is_kept_in_utc(text: str, iso: str) -> None:
    assert TypeAdapter(rules.Utc).validate_python(text).isoformat() == iso


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "",
        1_700_000_000,
        True,
        None,
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-11-20T09:00:00Z" + " " * 40,
    ],
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match=MOMENT_RULE):
        TypeAdapter(rules.Utc).validate_python(value)


def test_a_suggestion_is_made_only_for_what_is_close() -> None:
    assert rules.suggestion("Weigth", ["weight", "region"]) == "; did you mean 'weight'?"
    assert rules.suggestion("colour", ["weight", "region"]) == ""
