"""The control API: scripts in, records out, over HTTP."""

from __future__ import annotations

from typing import Any

from simulator import Simulator


async def test_health_says_ok_and_is_not_recorded(simulator: Simulator, client: Any) -> None:
    async with client.session.get(f"{client.url}/_simulator/health") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    assert simulator.received() == []


async def test_a_deployment_is_scripted_and_freed_again(client: Any) -> None:
    url = f"{client.url}/_simulator/deployments/e%20ast"
    async with client.session.put(url, json={"status": 429}) as answer:
        assert (answer.status, await answer.json()) == (200, {"deployment": "e ast", "scripts": 1})
    async with client.chat("e%20ast") as answer:
        assert answer.status == 429
    async with client.session.delete(url) as answer:
        assert answer.status == 200
    async with client.chat("e%20ast") as answer:
        assert answer.status == 200


async def test_a_list_of_scripts_is_followed_in_order(client: Any) -> None:
    url = f"{client.url}/_simulator/deployments/east"
    async with client.session.put(url, json=[{"status": 500, "times": 2}, {"status": 503}]) as answer:
        assert (await answer.json())["scripts"] == 2
    statuses = []
    for _ in range(4):
        async with client.chat("east") as answer:
            statuses.append(answer.status)
    assert statuses == [500, 500, 503, 503]


async def test_a_bad_script_is_refused_and_changes_nothing(client: Any) -> None:
    url = f"{client.url}/_simulator/deployments/east"
    for body, says in (
        (b'[{"status": 500}, {"stauts": 500}]', "stauts: unknown field"),
        (b"{", "truncated"),
        (b"1", "a script must be a JSON object"),
        (b'{"times": 0}', "times: must be at least 1"),
    ):
        async with client.session.put(url, data=body) as answer:
            assert answer.status == 400
            assert says in (await answer.json())["error"]
    async with client.chat("east") as answer:
        assert answer.status == 200


async def test_records_are_listed_by_deployment_and_deleted(client: Any) -> None:
    for deployment in ("east", "west"):
        async with client.chat(deployment) as answer:
            assert answer.status == 200
    url = f"{client.url}/_simulator/requests"
    async with client.session.get(url) as answer:
        assert [record["deployment"] for record in (await answer.json())["requests"]] == ["east", "west"]
    async with client.session.get(url, params={"deployment": "west"}) as answer:
        (record,) = (await answer.json())["requests"]
    assert set(record) == {
        "deployment",
        "method",
        "path",
        "prefix",
        "query",
        "headers",
        "authentication",
        "body_sha256",
        "body_length",
        "body",
        "parts",
        "started_at",
        "answered_status",
        "closed_early",
        "closed_at",
    }
    assert ["api-key", "any"] in record["headers"]
    assert '"hello there"' in record["body"]
    assert (record["answered_status"], record["authentication"], record["parts"]) == (200, "api-key", [])
    async with client.session.delete(url) as answer:
        assert answer.status == 200
    async with client.session.get(url) as answer:
        assert await answer.json() == {"requests": []}


async def test_an_unknown_control_request_is_not_found(client: Any) -> None:
    for method, path in (("GET", "nothing"), ("PUT", "deployments/"), ("POST", "health"), ("GET", "requests/east")):
        async with client.session.request(method, f"{client.url}/_simulator/{path}") as answer:
            assert answer.status == 404
