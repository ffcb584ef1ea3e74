"""The control API under `/_simulator/`: scripts in, records out."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from simulator.record import Received, Records
from simulator.reply import Reply
from simulator.script import Playbook, Script, ScriptError
from simulator.wire import encode_json

PREFIX = "/_simulator/"


def control(received: Received, playbook: Playbook, records: Records) -> Reply:
    """Answer one control request. It asks for no key: the simulator belongs on loopback."""
    noun, _, name = received.path.removeprefix(PREFIX).partition("/")
    match received.method, noun, unquote(name):
        case "GET", "health", "":
            return _json(200, {"status": "ok"})
        case "PUT", "deployments", deployment if deployment:
            return _write(received, deployment, playbook)
        case "DELETE", "deployments", deployment if deployment:
            playbook.write(deployment, ())
            return _json(200, {"deployment": deployment, "scripts": 0})
        case "GET", "requests", "":
            wanted = parse_qs(received.query, keep_blank_values=True).get("deployment", [None])[0]
            return _json(200, {"requests": [each.to_json() for each in records.select(wanted)]})
        case "DELETE", "requests", "":
            records.clear()
            return _json(200, {"requests": []})
    return _json(404, {"error": f"unknown control request: {received.method} {received.path}"})


def _write(received: Received, deployment: str, playbook: Playbook) -> Reply:
    try:
        given = msgspec.json.decode(received.body or b"")
        scripts = tuple(Script.from_json(each) for each in (given if isinstance(given, list) else [given]))
    except (msgspec.DecodeError, ScriptError) as error:
        return _json(400, {"error": str(error)})
    playbook.write(deployment, scripts)
    return _json(200, {"deployment": deployment, "scripts": len(scripts)})


def _json(status: int, value: Any) -> Reply:
    return Reply(status, {"content-type": "application/json"}, encode_json(value))
