"""Responses, files and batches: they go back to the deployment that made them, and to nobody else's hands."""

from __future__ import annotations

import json

import pytest

from gateway.errors import StorageUnavailable
from gateway.openai.thing_ids import ThingIds, tag
from gateway.routing.outcome import Kind, Outcome
from gateway.upstream.session import ConnectionFailed
from tests.builders import deployment, tenant
from tests.fakes.upstream import FakeAnswer, FakeSession, events, failing
from tests.unit.proxy.plane import Plane

IDS = ThingIds(b"secret", tenant().identity)
JSON = [(b"Content-Type", b"application/json")]
RESPONSES = {"deployment_class": "openai-responses", "operations": ("response",)}
BATCHES = {"deployment_class": "openai-batch", "operations": ("batch", "file")}


def responder(name):
    return deployment(name, **RESPONSES)


def issued(name, upstream_id, kind="openai-responses"):
    return IDS.issue(upstream_id, tag(f"{kind}/{name}"))


def says(**fields):
    return FakeAnswer(headers=JSON, chunks=[json.dumps(fields).encode()])


async def test_a_response_is_continued_at_the_deployment_that_made_it_after_any_restart():
    made = Plane(FakeSession(a=says(id="resp_1"), b=says(id="resp_1")), responder("a"), responder("b"))
    ids = [(await made.post(b'{"model":"m"}', "/v1/responses")).json["id"] for _ in range(2)]
    assert ids == [issued("a", "resp_1"), issued("b", "resp_1")]
    another = Plane(FakeSession(a=says(id="resp_2"), b=says(id="resp_2")), responder("a"), responder("b"))
    for _ in range(3):
        body = json.dumps({"model": "m", "previous_response_id": ids[1]}).encode()
        assert (await another.post(body, "/v1/responses")).headers["x-gateway-deployment"] == "b"
    sent = json.loads(another.session.sent[0].body)
    assert sent["previous_response_id"] == "resp_1"


async def test_a_response_that_lives_elsewhere_never_fails_over():
    made = Plane(FakeSession(a=failing(500), b=says(id="resp_2")), responder("a"), responder("b"))
    body = json.dumps({"model": "m", "previous_response_id": issued("a", "resp_1")}).encode()
    reply = await made.post(body, "/v1/responses")
    assert (reply.status, len(made.session.sent)) == (500, 1)


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
async def test_a_thing_is_asked_for_by_its_own_id(method, suffix):
    made = Plane(FakeSession(a=says(id="resp_1"), b=says(id="resp_1")), responder("a"), responder("b"))
    name = issued("b", "resp_1")
    reply = await made.post(b"", f"/v1/responses/{name}{suffix}", method=method, query="limit=2")
    assert (reply.status, reply.json["id"]) == (200, name)
    sent = made.session.sent[0]
    assert (sent.method, sent.url.host[0], sent.url.path) == (method, "b", f"/openai/v1/responses/resp_1{suffix}")
    assert sent.url.query_string == "limit=2"


@pytest.mark.parametrize(
    "name",
    ["resp_1", "resp_rh1" + "0" * 28 + "x", ThingIds(b"secret", "other").issue("resp_1", tag("openai-responses/a"))],
)
async def test_an_unknown_or_foreign_id_is_404_and_calls_nobody(name):
    made = Plane(FakeSession(a=says(id="resp_1")), responder("a"))
    assert (await made.post(b"", f"/v1/responses/{name}", method="GET")).status == 404
    body = json.dumps({"model": "m", "previous_response_id": name}).encode()
    reply = await made.post(body, "/v1/responses")
    assert (reply.status, reply.json["error"]["code"]) == (404, "not_found")
    assert made.session.sent == []


async def test_the_id_of_a_deployment_that_is_gone_is_404():
    made = Plane(FakeSession(a=says(id="resp_1")), responder("a"))
    assert (await made.post(b"", f"/v1/responses/{issued('gone', 'resp_1')}", method="GET")).status == 404


async def test_a_thing_that_its_upstream_no_longer_has_is_the_upstreams_404():
    made = Plane(FakeSession(a=failing(404)), responder("a"))
    reply = await made.post(b"", f"/v1/responses/{issued('a', 'resp_1')}", method="GET")
    assert (reply.status, reply.json["error"]["message"]) == (404, "upstream says 404")


async def test_a_streams_events_carry_the_issued_id():
    created = b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n'
    done = b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1"}}\n\n'
    made = Plane(FakeSession(a=events(created[:30], created[30:] + done[:50], done[50:])), responder("a"))
    reply = await made.post(b'{"stream":true}', "/v1/responses")
    assert reply.body == (created + done).replace(b"resp_1", issued("a", "resp_1").encode())


async def test_a_batch_goes_to_the_deployment_that_has_its_file():
    made = Plane(
        FakeSession(a=says(id="batch_1"), b=[says(id="batch_1", input_file_id="file-1") for _ in range(2)]),
        deployment("a", **BATCHES),
        deployment("b", **BATCHES),
    )
    file_id = issued("b", "file-1", "openai-batch")
    body = json.dumps({"input_file_id": file_id, "endpoint": "/v1/chat/completions"}).encode()
    for path in ("/v1/batches", "/v1/batch"):
        reply = await made.post(body, path)
        assert reply.json == {"id": issued("b", "batch_1", "openai-batch"), "input_file_id": file_id}
    assert json.loads(made.session.sent[0].body)["input_file_id"] == "file-1"
    assert (await made.post(b'{"input_file_id": "file-1"}', "/v1/batches")).status == 404


async def test_things_that_live_apart_can_not_be_mentioned_together():
    made = Plane(FakeSession(a=says(id="resp_1")), responder("a"), responder("b"))
    both = [issued("a", "file-1"), issued("b", "file-2")]
    reply = await made.post(json.dumps({"input": [{"file_id": each} for each in both]}).encode(), "/v1/responses")
    assert (reply.status, reply.json["error"]["code"]) == (400, "things_apart")


async def test_a_foreign_id_inside_a_body_is_404():
    made = Plane(FakeSession(a=says(id="resp_1")), responder("a"))
    foreign = ThingIds(b"secret", "other").issue("file-1", tag("openai-responses/a"))
    assert (await made.post(json.dumps({"input": [{"file_id": foreign}]}).encode(), "/v1/responses")).status == 404


async def test_other_operations_may_hold_what_looks_like_an_id():
    made = Plane(FakeSession(a=[says(ok=True), says(ok=True)]), deployment("a", operations=("chat", "embedding")))
    foreign = ThingIds(b"secret", "other").issue("file-1", tag("openai-responses/a"))
    for path, fields in (
        ("/v1/embeddings", {"input": foreign, "previous_response_id": "x"}),
        ("/v1/chat/completions", {"previous_response_id": "x"}),
    ):
        body = json.dumps(fields).encode()
        assert (await made.post(body, path)).status == 200
        assert made.session.sent[-1].body == body


class Batches:
    """A plane whose one deployment makes batches with running numbers, and answers for each."""

    def __init__(self, count):
        made = [says(id=f"batch_{number}", purpose="even" if number % 2 == 0 else "odd") for number in range(count)]
        self.plane = Plane(FakeSession(a=[*made, says(id="x")]), deployment("a", **BATCHES))

    async def make(self, count):
        ids = []
        for number in range(count):
            self.plane.utc_seconds = float(number)
            ids.append((await self.plane.post(b"{}", "/v1/batches")).json["id"])
        await self.plane.things.close()
        return ids

    async def list(self, query=""):
        return await self.plane.post(b"", "/v1/batches", method="GET", query=query)


async def test_a_list_shows_a_tenants_own_things_each_from_where_it_lives(monkeypatch):
    batches = Batches(3)
    ids = await batches.make(3)
    shown = [says(id=f"batch_{number}", purpose="p") for number in (2, 1, 0)]
    batches.plane.session._scripts["a"] = [*shown, says(id="x")]
    reply = await batches.list()
    assert [each["id"] for each in reply.json["data"]] == ids[::-1]
    assert (reply.json["object"], reply.json["has_more"]) == ("list", False)
    assert (reply.json["first_id"], reply.json["last_id"]) == (ids[2], ids[0])
    assert [sent.url.path for sent in batches.plane.session.sent[3:]] == [
        f"/openai/batches/batch_{number}" for number in (2, 1, 0)
    ]


@pytest.mark.parametrize(
    ("query", "numbers", "more"),
    [
        ("limit=1", [2], True),
        ("order=asc&limit=2", [0, 1], True),
        ("after={1}", [0], False),
        ("purpose=other", [], False),
    ],
)
async def test_a_list_is_paged_as_openai_pages(query, numbers, more):
    batches = Batches(3)
    ids = await batches.make(3)
    batches.plane.session._scripts["a"] = [says(id=f"batch_{number}", purpose="p") for number in (*numbers, 9)]
    reply = await batches.list(query.format(*ids))
    assert [each["id"] for each in reply.json["data"]] == [ids[number] for number in numbers]
    assert reply.json["has_more"] is more


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "after=batch_unknown"])
async def test_a_wrong_page_names_the_parameter(query):
    reply = await Batches(1).list(query)
    assert (reply.status, reply.json["error"]["param"]) == (400, query.partition("=")[0])


async def test_what_is_gone_or_can_not_be_had_is_left_out_of_a_list():
    batches = Batches(0)
    things = batches.plane.things
    await things._store.add(tenant().identity, "batch", issued("gone", "batch_0", "openai-batch"))
    for number in range(1, 5):
        await things._store.add(tenant().identity, "batch", issued("a", f"batch_{number}", "openai-batch"))
    batches.plane.session._scripts["a"] = [failing(404), ConnectionFailed("cut"), failing(500), says(id="batch_1")]
    assert [each["id"] for each in (await batches.list()).json["data"]] == [issued("a", "batch_1", "openai-batch")]


async def test_a_list_leaves_out_what_lives_where_nobody_may_be_called_now():
    batches = Batches(1)
    await batches.make(1)
    batches.plane.cooldowns.record("openai-batch/a", Outcome(Kind.THROTTLED, 429, wait=9), alone=False)
    assert (await batches.list()).json["data"] == []


async def test_an_answer_without_an_id_is_not_noted():
    made = Plane(FakeSession(a=[FakeAnswer(chunks=[b"odd"]), FakeAnswer(chunks=[b"[]"])]), deployment("a", **BATCHES))
    for _ in range(2):
        await made.post(b"{}", "/v1/batches")
    await made.things.close()
    assert await made.things._store.list(tenant().identity, "batch") == []


@pytest.mark.parametrize(("failures", "noted"), [(2, 1), (9, 0)])
async def test_what_was_made_is_noted_when_storage_comes_back(failures, noted, monkeypatch, caplog):
    monkeypatch.setattr("gateway.proxy.listing.RETRY_SECONDS", 0)
    made = Plane(FakeSession(a=says(id="batch_1")), deployment("a", **BATCHES))
    add, left = made.things._store.add, [StorageUnavailable("down")] * failures

    async def failing_add(*row):
        if left:
            raise left.pop()
        await add(*row)

    monkeypatch.setattr(made.things._store, "add", failing_add)
    assert (await made.post(b"{}", "/v1/batches")).status == 200
    await made.things.close()
    assert len(await made.things._store.list(tenant().identity, "batch")) == noted
    assert ("missing in lists" in caplog.text) == (not noted)


async def test_a_deleted_file_leaves_the_list():
    made = Plane(FakeSession(a=says(id="file-1", deleted=True)), deployment("a", **BATCHES))
    await made.things._store.add(tenant().identity, "file", issued("a", "file-1", "openai-batch"))
    assert (await made.post(b"", f"/v1/files/{issued('a', 'file-1', 'openai-batch')}", method="DELETE")).status == 200
    await made.things.close()
    assert await made.things._store.list(tenant().identity, "file") == []
