"""`make run`, seen from its first user: what the demo printed, wrote and registered."""

from __future__ import annotations

import shlex
import stat
import subprocess
import sys
from pathlib import Path

from tests.local.conftest import LocalRun, Start, call

LIST = "/api/v1/management/modeldeployment/list/all"
UPSERT = "/api/v1/management/modeldeployment/upsert"
CHAT = {"model": "anything", "messages": [{"role": "user", "content": "Hello"}]}


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def pasted(run: LocalRun, after: str) -> str:
    """The two lines below a heading."""
    lines = run.output.splitlines()
    below = lines.index(after) + 1
    return "\n".join(line.strip() for line in lines[below : below + 2])


def test_local_json_holds_what_opens_the_gateway_and_nothing_else(demo: LocalRun) -> None:
    assert list(demo.local) == ["url", "management_token", "api_key", "storage"]
    for value in demo.local.values():
        assert value in demo.output
    assert demo.local["api_key"].startswith("rh-")
    assert "TableEndpoint=http://127.0.0.1:" in demo.local["storage"]


def test_secrets_are_readable_by_their_owner_alone(demo: LocalRun) -> None:
    assert mode(demo.directory) == 0o700
    assert mode(demo.directory / "local.json") == 0o600
    assert mode(demo.directory / "encryption.key") == 0o600


def test_the_demo_registers_three_deployments_and_calls_one_through_the_sdk(demo: LocalRun) -> None:
    status, listed, _ = call(demo.local["url"] + LIST, token=demo.local["management_token"])
    assert status == 200
    assert [(each["deployment_class"], each["friendly_name"]) for each in listed] == [
        ("openai-chat", "east"),
        ("openai-chat", "north"),
        ("openai-chat", "west"),
    ]
    answered = demo.said("A call through the OpenAI SDK was answered by")
    assert any(repr(name) in answered for name in ("east", "north", "west"))


def test_calls_go_round_the_three(demo: LocalRun) -> None:
    url = demo.local["url"] + "/v1/chat/completions"
    answers = [call(url, "POST", token=demo.local["api_key"], body=CHAT) for _ in range(6)]
    assert [status for status, _, _ in answers] == [200] * 6
    served = [headers["x-gateway-deployment"] for _, _, headers in answers]
    assert {name: served.count(name) for name in served} == {"east": 2, "west": 2, "north": 2}


def test_answers_do_not_name_the_server(demo: LocalRun) -> None:
    _, _, headers = call(demo.local["url"] + "/health")
    assert "server" not in headers


def test_the_curl_line_can_be_pasted(demo: LocalRun) -> None:
    command = shlex.split(pasted(demo, "With curl:").replace("\\\n", ""))
    answer = subprocess.run([*command, "-s"], capture_output=True, text=True, check=True, timeout=30).stdout
    assert "chat.completion" in answer


def test_the_sdk_lines_can_be_pasted(demo: LocalRun) -> None:
    program = pasted(demo, "With the OpenAI SDK:")
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "at your service" in answer.stdout


def test_the_demo_makes_no_call_that_could_reach_a_deployment_of_yours(start: Start) -> None:
    run = start().ready()
    mine = {
        "deployment_class": "openai-chat",
        "friendly_name": "mine",
        "deployment_name": "gpt",
        "endpoint_key": "k",
        "endpoint_url": "http://127.0.0.1:9",
        "active": True,
    }
    status, _, _ = call(run.local["url"] + UPSERT, "PATCH", token=run.local["management_token"], body=mine)
    assert status == 200
    run.end()

    run = start("--demo").ready()
    assert "made no call" in run.output
    _, listed, _ = call(run.local["url"] + LIST, token=run.local["management_token"])
    assert [each["friendly_name"] for each in listed] == ["mine"]
