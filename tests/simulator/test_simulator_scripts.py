"""Scripts: reading them, taking turns, and what they do to plain answers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from simulator import Script, Simulator
from simulator.script import Playbook, ScriptError


def test_a_script_is_read_from_json() -> None:
    script = Script.from_json({"status": 429, "headers": {"retry-after-ms": "2500"}, "times": 2, "latency_ms": 1.5})
    assert script == Script(status=429, headers={"retry-after-ms": "2500"}, times=2, latency_ms=1.5)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "JSON object"),
        ({"stauts": 500}, "stauts: unknown field; a script has times, key, status"),
        ({"status": "500"}, "Expected `int`, got `str` - at `$.status`"),
        ({"status": 199}, "status: must be 200 to 599"),
        ({"status": 204}, "one that has a body"),
        ({"latency_ms": -1}, "latency_ms: must be at least 0"),
        ({"chunks": 0}, "chunks: must be at least 1"),
        ({"headers": {"a": 1}}, "headers"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers: 'a' must be one line"),
        ({"cut_after": 1, "stall_after": 1}, "stall_after: cannot be used together with cut_after"),
        ({"cut_after": 4, "chunks": 3}, "cut_after: 4 is past the last of 3 chunks"),
    ],
)
def test_a_script_that_cannot_be_followed_says_why(value: object, says: str) -> None:
    with pytest.raises(ScriptError) as caught:
        Script.from_json(value)
    assert says in str(caught.value)


def test_scripts_are_consumed_in_order_and_the_last_without_times_stays() -> None:
    playbook = Playbook()
    playbook.write("east", (Script(status=429, times=2), Script(status=500), Script(status=503)))
    assert [playbook.take("east").status for _ in range(6)] == [429, 429, 500, 503, 503, 503]
    assert playbook.take("west").status == 200


def test_after_the_last_of_its_times_a_deployment_answers_well_again() -> None:
    playbook = Playbook()
    playbook.write("east", (Script(status=429, times=1),))
    assert [playbook.take("east").status for _ in range(3)] == [429, 200, 200]


def test_no_scripts_bring_the_default_back() -> None:
    playbook = Playbook()
    playbook.write("east", (Script(status=500),))
    playbook.write("east", ())
    assert playbook.take("east").status == 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429, 500, 502, 503])
async def test_an_error_status_has_the_body_of_the_style_called(simulator: Simulator, client: Any, status: int) -> None:
    simulator.script("east", Script(status=status, headers={"Retry-After": "7"}))
    async with client.chat("east") as answer:
        error = (await answer.json())["error"]
        assert (answer.status, set(error)) == (status, {"code", "message"})
        assert answer.headers["retry-after"] == "7"
    async with client.post("/v1/embeddings", {"model": "east", "input": "text"}) as answer:
        assert answer.status == status
        assert set((await answer.json())["error"]) == {"message", "type", "param", "code"}


async def test_an_error_tells_when_to_come_again_by_its_script_alone(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(status=429))
    async with client.chat("east") as answer:
        assert not [name for name in answer.headers if name.lower().startswith(("retry-after", "x-ratelimit"))]


async def test_a_script_s_headers_replace_the_answer_s_own(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(headers={"X-RateLimit-Remaining-Requests": "0", "x-extra": "yes"}))
    async with client.chat("east") as answer:
        assert answer.headers.getall("x-ratelimit-remaining-requests") == ["0"]
        assert answer.headers["x-extra"] == "yes"


async def test_a_body_takes_the_place_of_the_answer(simulator: Simulator, client: Any) -> None:
    page = Script(status=502, body="<html>Bad gateway</html>", headers={"content-type": "text/html"})
    simulator.script("east", Script(body={"odd": [None]}), page)
    async with client.chat("east", stream=True) as answer:
        assert (answer.status, await answer.text()) == (200, '{"odd":[null]}')
    async with client.chat("east") as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert await answer.text() == "<html>Bad gateway</html>"


async def test_latency_comes_before_the_headers(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(latency_ms=80))
    start = time.monotonic()
    async with client.chat("east"):
        assert time.monotonic() - start >= 0.08


@pytest.mark.parametrize("stream", [False, True])
async def test_first_byte_ms_comes_after_the_headers(simulator: Simulator, client: Any, stream: bool) -> None:
    simulator.script("east", Script(first_byte_ms=80))
    async with client.chat("east", stream=stream) as answer:
        headers_at = time.monotonic()
        await answer.read()
        assert time.monotonic() - headers_at >= 0.06


async def test_any_key_is_accepted_and_none_is_not(client: Any) -> None:
    for headers, status in (
        ({"api-key": "any"}, 200),
        ({"Authorization": "Bearer any"}, 200),
        ({"Authorization": "Basic any"}, 401),
        ({"api-key": ""}, 401),
        ({}, 401),
    ):
        async with client.chat("east", headers=headers) as answer:
            assert answer.status == status, headers


async def test_a_deployment_may_demand_a_key(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(key="right", stall_after=0))
    for headers in ({"api-key": "wrong"}, {"Authorization": "Bearer wrong"}, {}):
        async with client.chat("east", headers=headers) as answer:
            error = (await answer.json())["error"]
            assert (answer.status, error["code"]) == (401, "401")
            assert error["message"].startswith("Access denied due to invalid subscription key")
    simulator.script("east", Script(key="right"))
    for headers in ({"api-key": "right"}, {"Authorization": "Bearer right"}):
        async with client.chat("east", headers=headers) as answer:
            assert answer.status == 200


async def test_a_refused_call_is_reset_without_a_byte(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(refuse=True))
    seen = await bare.chat("east")
    assert (seen.data, seen.reset) == (b"", True)
    (received,) = simulator.received("east")
    assert received.answered_status is None
    assert (received.closed_early, received.closed_at is not None) == (False, True)


async def test_a_plain_answer_is_cut_after_headers_or_half_way(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(cut_after=0), Script(cut_after=1), Script(cut_after=1, cut_cleanly=True))
    bodies = [(await bare.chat("east")).data.partition(b"\r\n\r\n")[2] for _ in range(3)]
    assert bodies[0] == b""
    assert bodies[1].startswith(b'{"id"')
    assert not bodies[1].endswith(b"}]}")
    assert len(bodies[1]) == len(bodies[2])


async def test_a_cut_is_a_reset_or_a_clean_close(simulator: Simulator, bare: Any) -> None:
    simulator.script("east", Script(cut_after=1), Script(cut_after=1, cut_cleanly=True))
    assert [(await bare.chat("east")).reset for _ in range(2)] == [True, False]


async def test_a_plain_answer_may_stall(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(stall_after=1))
    async with client.chat("east") as answer:
        assert answer.status == 200
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer.read(), 0.05)


async def test_a_plain_answer_may_be_ended_by_closing(simulator: Simulator, bare: Any, client: Any) -> None:
    simulator.script("east", Script(no_terminator=True))
    seen = await bare.chat("east")
    assert b"content-length" not in seen.data
    assert seen.data.endswith(b"}")
    async with client.chat("east") as answer:
        assert (await answer.json())["object"] == "chat.completion"


async def test_chunks_and_chunk_bytes_shape_plain_answers_too(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(chunks=10, chunk_bytes=100))
    async with client.chat("east") as answer:
        value = await answer.json()
        assert len(value["choices"][0]["message"]["content"]) == 1000
        assert value["usage"]["completion_tokens"] == 10
