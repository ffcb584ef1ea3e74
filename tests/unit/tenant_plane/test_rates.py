"""The tenant plane's rate limits: 100 reads and 10 writes a minute for each tenant, told in every answer."""

from __future__ import annotations

from gateway.quotas.quotas import Quotas
from gateway.storage.quotas import QuotaStore
from gateway.tenant_plane.rates import admit_at_rate
from tests.unit.tenant_plane.plane import KEY, MODELS, OPERATOR, READ_ONLY, SELECT, SMALL, Plane, refused

CATALOG = "/api/v1/embedding-models/catalog"
NAMES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


async def test_read_101_of_a_minute_is_refused_and_the_next_minute_lets_it_through(plane: Plane) -> None:
    ends = int(plane.now.replace(second=0).timestamp()) + 60
    for number in range(100):
        reply = await plane.call("GET", MODELS)
        assert reply.status == 200
        assert [reply.headers[name] for name in NAMES] == ["100", str(99 - number), str(ends)]
    reply = await plane.call("GET", MODELS)
    assert "100 reads" in refused(reply, 429, "Rate limit exceeded")
    assert [reply.headers[name] for name in NAMES] == ["100", "0", str(ends)]
    assert reply.headers["retry-after"] == "50"
    assert "x-ratelimit-limit-requests" not in reply.headers
    assert (await plane.call("GET", MODELS, headers=READ_ONLY)).headers[NAMES[1]] == "99"
    plane.pass_time(seconds=50)
    reply = await plane.call("GET", MODELS)
    assert (reply.status, reply.headers[NAMES[1]], reply.headers[NAMES[2]]) == (200, "99", str(ends + 60))


async def test_write_11_of_a_minute_is_refused_and_reads_go_on(plane: Plane) -> None:
    await plane.configure()
    plane.pass_time(minutes=1)
    for number in range(10):
        reply = await plane.call("PUT", f"{MODELS}/{SMALL}", {"priority": number})
        assert [reply.headers[name] for name in NAMES[:2]] == ["10", str(9 - number)]
    for method, path in (("PUT", f"{MODELS}/{SMALL}"), ("POST", CATALOG), ("DELETE", f"{CATALOG}/{SMALL}")):
        assert "10 writes" in refused(await plane.call(method, path, {}), 429, "Rate limit exceeded")
    assert (await plane.call("GET", MODELS)).headers[NAMES[0]] == "100"
    assert (await plane.ask("GET", MODELS))["models"][0]["priority"] == 9


async def test_a_choice_of_a_model_is_a_read(plane: Plane) -> None:
    reply = await plane.call("POST", SELECT, {})
    assert (reply.status, reply.headers[NAMES[0]], reply.headers[NAMES[1]]) == (404, "100", "99")


async def test_refusals_count_and_tell_but_strangers_learn_nothing(plane: Plane) -> None:
    for number, path in enumerate(("/api/v1/embedding-models/unknown", f"{CATALOG}/x", "/api/v1/me", CATALOG)):
        assert (await plane.call("GET", path)).headers[NAMES[1]] == str(99 - number)
    for headers in ({}, {"X-API-Key": "rh-local0-wrong"}):
        reply = await plane.call("GET", CATALOG, headers=headers)
        assert (reply.status, reply.headers.keys() & set(NAMES)) == (401, set())


async def test_an_operator_has_no_limit(plane: Plane) -> None:
    for _ in range(11):
        reply = await plane.call("PUT", f"{CATALOG}/{SMALL}", {"dimensions": 8}, headers=OPERATOR)
        assert (reply.status, reply.headers.keys() & set(NAMES)) == (200, set())


async def test_two_instances_share_one_limit(plane: Plane) -> None:
    other = Quotas(QuotaStore(plane.tables), lambda: plane.now, when_storage_fails="refuse", chance=lambda: 0.0)
    owner = plane.snapshot.callers["local0"].tenant
    for _ in range(6):
        await admit_at_rate(other, owner, {"method": "POST", "path": MODELS}, plane.now)
    await other.close()
    statuses = [(await plane.call("DELETE", f"{MODELS}/{SMALL}", headers=KEY)).status for _ in range(5)]
    assert statuses == [404, 404, 404, 404, 429]
