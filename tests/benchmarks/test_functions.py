"""The bench of the Functions runtime: both sides of a call, and the page that says what was found."""

from __future__ import annotations

import json

import pytest

from benchmarks.functions import DOOR, EMPTY, OURS, QUIET, main, page
from benchmarks.functions_host import Request, order


def test_both_sides_of_a_call_name_one_invocation() -> None:
    request = Request(("127.0.0.1", 7075), {"authorization": "Bearer k"})
    told = json.loads(order(7))
    head, _, body = request.of(7).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST /{told['params']['path']} HTTP/1.1"
    assert f"x-ms-invocation-id: {told['invocation_id']}" in lines
    assert f"content-length: {len(body)}" in lines
    assert "authorization: Bearer k" in lines


def test_every_invocation_has_an_id_of_its_own_and_requests_of_one_length() -> None:
    request = Request(("127.0.0.1", 7075), {})
    assert json.loads(order(7))["invocation_id"] != json.loads(order(8))["invocation_id"]
    assert request.of(7) != request.of(123_456) and len(request.of(7)) == len(request.of(123_456))


@pytest.mark.parametrize(("empty", "verdict"), [(160.0, "yes"), (140.0, "**no**")])
def test_the_page_has_the_medians_and_holds_ours_against_an_empty_function(empty: float, verdict: str) -> None:
    def rounds(*costs: float) -> list[dict[str, float]]:
        return [{"cpu_us": cost, "rps": 1e6 / cost, "p50_ms": 5.0, "memory_mb": 80.0} for cost in costs]

    found = {
        EMPTY: rounds(empty, empty - 5, empty + 900),
        QUIET: rounds(100, 100, 100),
        DOOR: rounds(80, 80, 80),
        OURS: rounds(200, 180, 220),
    }
    text = page(found, "the command", "the machine", "the versions", 2)
    assert f"| at most 1.35 × {EMPTY} | {200 / empty:.2f} × | {verdict} |" in text
    assert f"| at most 1.35 × {QUIET} | 2.00 × | **no** |" in text
    assert f"| {OURS} | 200 |" in text
    assert all(each in text for each in ("the command", "the machine", "the versions", "3 interleaved rounds of 2 s"))


def test_without_the_runtime_it_says_how_to_come_by_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err
