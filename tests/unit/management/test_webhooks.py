"""Routes of webhooks: registrations, secrets, tests, deliveries."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.storage.outbox import EVENT_TYPES, Event
from gateway.webhooks import signing
from gateway.webhooks.sender import Sent
from tests.fakes.target import FakeSender
from tests.unit.management.plane import Plane, refusal

URL = "https://ops.contoso.example/hook?token=t0ken"
BODY: dict[str, Any] = {"url": URL, "events": ["model.added", "deployment.cooling"]}
OWN = "whsec_" + base64.b64encode(b"o" * 24).decode()
MISSING = "nobody"


async def made(plane: Plane, **fields: Any) -> dict[str, Any]:
    """A registered webhook, as the answer showed it."""
    reply = await plane.call("POST", "/webhooks", {**BODY, **fields})
    assert reply.status == 201, reply.body
    shown: dict[str, Any] = reply.json
    return shown


async def dead_letter(plane: Plane, webhook_id: str, event_id: str) -> str:
    """The id of a dead letter."""
    now = datetime.now(UTC)
    await plane.deliveries.add(webhook_id, Event(event_id, "model.added", now, {"model_id": "m"}), now)
    due = [each for each in await plane.deliveries.due(now) if each.key.endswith(event_id)]
    pending = await plane.deliveries.claim(due[0], now)
    assert pending is not None
    await plane.deliveries.settle(pending, replace(pending, state="dead", due_at=now + timedelta(days=30)))
    return pending.id


async def test_a_webhook_is_registered_and_its_secret_is_shown_this_once(plane: Plane) -> None:
    shown = await made(plane, description="On call")
    secret = shown.pop("secret")
    assert signing.is_secret(secret)
    assert {name: shown[name] for name in ("url", "events", "active", "description")} == {
        **BODY,
        "active": True,
        "description": "On call",
    }
    assert shown["gone_at"] is None and shown["previous_secret_until"] is None
    for path in ("/webhooks", f"/webhooks/{shown['id']}"):
        reply = await plane.call("GET", path)
        assert reply.status == 200 and secret not in reply.body.decode()
        assert reply.json in (shown, [shown])
    stored = await plane.webhooks.read(shown["id"])
    assert stored is not None and stored.secret == secret
    assert (await made(plane, secret=OWN))["secret"] == OWN


async def test_a_webhook_that_is_not_wanted_any_more_goes(plane: Plane) -> None:
    path = f"/webhooks/{(await made(plane))['id']}"
    assert (await plane.call("DELETE", path)).status == 204
    refusal(await plane.call("DELETE", path), 404)
    assert (await plane.call("GET", "/webhooks")).json == []


async def test_webhooks_are_listed_the_oldest_first(plane: Plane) -> None:
    ids = [(await made(plane))["id"] for _ in range(5)]
    assert [each["id"] for each in (await plane.call("GET", "/webhooks")).json] == ids


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (
            "url",
            [
                *("http://ops.example/", "ftp://ops.example/", "ops.example", "https://user:pass@ops.example/"),
                *(
                    "https://ops.example/#here",
                    "https://ops.example:0/",
                    "https://ops.example:99999/",
                    "https://[::g]/",
                ),
                *("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://10.0.0.1:8443/x"),
                *("https://ops.example/" + "x" * 2048, "https://ops.example/a b", "https:///x", "", 1, None),
            ],
        ),
        ("events", [[], ["model.removed"], ["model.added", "model.added"], "model.added", None, [1]]),
        ("secret", ["whsec_", "plain", OWN[6:], "whsec_" + "A" * 20, "whsec_" + "A" * 100, "whsec_" + "A" * 33, 1]),
        ("active", ["true", 1, None]),
        ("description", ["", " x", "a\nb", "x" * 257]),
        ("evnts", [[]]),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(plane: Plane, field: str, values: list[Any]) -> None:
    for value in values:
        error = refusal(await plane.call("POST", "/webhooks", {**BODY, field: value}))
        assert error["param"].startswith(field) and field in error["message"], error
        assert OWN[6:] not in error["message"]
    assert (await plane.call("GET", "/webhooks")).json == []


async def test_an_unknown_event_is_told_which_one_was_meant(plane: Plane) -> None:
    error = refusal(await plane.call("POST", "/webhooks", {**BODY, "events": ["model.add"]}))
    assert "did you mean 'model.added'" in error["message"]


async def test_every_event_can_be_wanted_and_every_public_address_named(plane: Plane) -> None:
    await made(plane, events=list(EVENT_TYPES))
    for url in ("https://8.8.8.8/x", "https://[2606:4700::1111]:8443/x?y=%20z", "https://ops.example"):
        assert (await made(plane, url=url))["url"] == url


async def test_where_private_targets_are_allowed_so_is_http(plane: Plane) -> None:
    plane.sender.private_targets = True
    for url in ("http://localhost:8000/hook", "https://127.0.0.1/", "http://10.0.0.1"):
        shown = await made(plane, url=url)
        assert (await plane.call("PATCH", f"/webhooks/{shown['id']}", {"url": url + "?x"})).status == 200


async def test_a_change_changes_what_it_names(plane: Plane) -> None:
    shown = await made(plane, description="On call")
    del shown["secret"]
    path = f"/webhooks/{shown['id']}"
    for change, after in (
        ({"events": ["model.updated"], "url": "https://new.example/"}, None),
        ({"active": False, "description": None}, None),
        ({"active": None}, {"active": True}),
        ({}, {}),
    ):
        reply = await plane.call("PATCH", path, change)
        assert reply.status == 200, reply.body
        shown = {**shown, **(change if after is None else after), "updated_at": reply.json["updated_at"]}
        assert reply.json == shown == (await plane.call("GET", path)).json
    assert (await plane.call("PATCH", path, {})).json["updated_at"] == shown["updated_at"]
    for wrong in ({"url": None}, {"events": None}, {"url": "http://ops.example/"}, {"secret": OWN}):
        assert refusal(await plane.call("PATCH", path, wrong))["param"] in wrong


async def test_a_webhook_that_was_gone_and_is_switched_on_is_gone_no_more(plane: Plane) -> None:
    shown = await made(plane)
    now = datetime.now(UTC)
    await plane.webhooks.update(shown["id"], lambda before: replace(before, active=False, gone_at=now))
    path = f"/webhooks/{shown['id']}"
    assert (await plane.call("GET", path)).json["gone_at"] is not None
    assert (await plane.call("PATCH", path, {"description": "x"})).json["gone_at"] is not None
    assert (await plane.call("PATCH", path, {"active": True})).json["gone_at"] is None


@pytest.mark.parametrize("body", [None, {}, {"secret": OWN}])
async def test_after_a_rotation_both_secrets_sign_for_a_day(plane: Plane, body: dict[str, Any] | None) -> None:
    shown = await made(plane)
    reply = await plane.call("POST", f"/webhooks/{shown['id']}/rotate-secret", body)
    assert reply.status == 200, reply.body
    assert signing.is_secret(reply.json["secret"]) and reply.json["secret"] != shown["secret"]
    until = datetime.fromisoformat(reply.json["previous_secret_until"])
    stored = await plane.webhooks.read(shown["id"])
    assert stored is not None
    assert stored.secrets(until - timedelta(hours=23)) == [reply.json["secret"], shown["secret"]]
    assert stored.secrets(until) == [reply.json["secret"]]
    assert (body or {}).get("secret", reply.json["secret"]) == reply.json["secret"]


async def test_a_test_event_is_sent_at_once_and_its_end_is_told(plane: Plane) -> None:
    shown = await made(plane, active=False)
    reply = await plane.call("POST", f"/webhooks/{shown['id']}/test")
    assert reply.json == {"ok": True, "status": 204, "latency_ms": 12.3, "error": None}
    [(webhook, event, _)] = plane.sender.sent
    assert webhook.id == shown["id"] and event.event_type == "webhook.test" and event.data == {"webhook_id": webhook.id}
    plane.sender.answers = [Sent(error="can't connect")]
    reply = await plane.call("POST", f"/webhooks/{shown['id']}/test")
    assert reply.json == {"ok": False, "status": None, "latency_ms": None, "error": "can't connect"}


async def test_deliveries_are_listed_with_their_state(plane: Plane) -> None:
    webhook_id, other = (await made(plane))["id"], (await made(plane))["id"]
    letter = await dead_letter(plane, webhook_id, "msg_1")
    await dead_letter(plane, other, "msg_1")
    now = datetime.now(UTC)
    await plane.deliveries.add(webhook_id, Event("msg_2", "model.added", now, {"model_id": "m"}), now)
    pending, dead = (await plane.call("GET", f"/webhooks/{webhook_id}/deliveries")).json
    assert (pending["state"], pending["event_id"], pending["data"]) == ("pending", "msg_2", {"model_id": "m"})
    assert pending["next_attempt_at"] is not None
    assert (dead["id"], dead["state"], dead["next_attempt_at"]) == (letter, "dead", None)
    letters = (await plane.call("GET", "/webhooks/dead-letters")).json
    assert {each["webhook_id"] for each in letters} == {webhook_id, other} and dead in letters


async def test_a_dead_letter_is_replayed_alone_or_with_all_of_its_webhook(plane: Plane) -> None:
    webhook_id, other = (await made(plane))["id"], (await made(plane))["id"]
    letters = [await dead_letter(plane, webhook_id, f"msg_{number}") for number in range(3)]
    await dead_letter(plane, other, "msg_1")
    reply = await plane.call("POST", f"/webhooks/dead-letters/{letters[0]}/replay")
    assert reply.status == 200 and reply.json["id"] == letters[0] and reply.json["state"] == "pending"
    refusal(await plane.call("POST", f"/webhooks/dead-letters/{letters[0]}/replay"), 404)
    assert (await plane.call("POST", f"/webhooks/{webhook_id}/replay")).json == {"replayed": 2}
    assert (await plane.call("POST", f"/webhooks/{webhook_id}/replay")).json == {"replayed": 0}
    [left] = (await plane.call("GET", "/webhooks/dead-letters")).json
    assert left["webhook_id"] == other


async def test_a_dead_letter_that_another_replays_meanwhile_is_not_counted(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = (await made(plane))["id"]
    letter = await dead_letter(plane, webhook_id, "msg_1")
    listed = await plane.deliveries.of(webhook_id)
    await plane.call("POST", f"/webhooks/dead-letters/{letter}/replay")

    async def of_before(_: str) -> Any:
        return listed

    monkeypatch.setattr(plane.deliveries, "of", of_before)
    assert (await plane.call("POST", f"/webhooks/{webhook_id}/replay")).json == {"replayed": 0}


async def test_a_webhook_that_is_not_there_is_404_everywhere(plane: Plane) -> None:
    for method, path, body in [
        ("GET", "", None),
        ("PATCH", "", {"active": True}),
        ("DELETE", "", None),
        ("POST", "/rotate-secret", None),
        ("POST", "/test", None),
        ("GET", "/deliveries", None),
        ("POST", "/replay", None),
    ]:
        error = refusal(await plane.call(method, f"/webhooks/{MISSING}{path}", body), 404)
        assert MISSING in error["message"]
    refusal(await plane.call("POST", "/webhooks/dead-letters/a.b/replay"), 404)
    refusal(await plane.call("POST", "/webhooks/dead-letters/a%20b/replay"), 400)


async def test_without_an_encryption_key_no_webhook_is_registered() -> None:
    plane = await Plane(encryption_key=None).open()
    assert refusal(await plane.call("POST", "/webhooks", BODY), 503)["code"] == "encryption_not_configured"


async def test_the_examples_of_webhooks_are_accepted_and_answered(plane: Plane) -> None:
    assert isinstance(plane.sender, FakeSender)
    schemas = plane.app.openapi()["components"]["schemas"]
    examples = {name: schema["examples"][0] for name, schema in schemas.items() if "examples" in schema}
    reply = await plane.call("POST", "/webhooks", examples["WebhookCreation"])
    assert reply.status == 201 and list(reply.json) == list(examples["NewWebhookView"])
    path = f"/webhooks/{reply.json['id']}"
    for method, end, body, view in [
        ("GET", "", None, "WebhookView"),
        ("PATCH", "", examples["WebhookChange"], "WebhookView"),
        ("POST", "/rotate-secret", examples["SecretRotation"], "NewWebhookView"),
        ("POST", "/test", None, "WebhookTestView"),
        ("POST", "/replay", None, "ReplayView"),
    ]:
        reply = await plane.call(method, path + end, body)
        assert reply.status == 200 and list(reply.json) == list(examples[view])
    await dead_letter(plane, path.split("/")[2], "msg_1")
    [letter] = (await plane.call("GET", "/webhooks/dead-letters")).json
    assert list(letter) == list(examples["DeliveryView"])
