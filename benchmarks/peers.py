"""The peers: how each is installed in an environment of its own, and run in the plain settings its makers advise."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from benchmarks.process import Launch
from benchmarks.subjects import Missing, Subject
from benchmarks.workload import MODEL
from gateway.local.node import OLDEST_MAJOR, Node, find_node
from gateway.local.port import free_port

DIRECTORY = Path(__file__).parent / ".peers"
LITELLM = "1.104.1"
TENSORZERO = "2026.6.0"
PORTKEY = "1.15.2"
# With a newer server under it, every stream of this Portkey is a 500 ("immutable"); npm would take the newest.
PORTKEY_PINS = {"@portkey-ai/gateway": PORTKEY, "@hono/node-server": "1.13.8"}
INSTALL_SECONDS = 900


class NotInstalled(Exception):
    """A peer can't be installed here; the message says why."""


def peers(install: bool, say: Callable[[str], None], wanted: Callable[[str], bool]) -> list[Subject | Missing]:
    """Every wanted peer, installed if need be, or why it is missing."""
    found: list[Subject | Missing] = []
    for name, make in {"LiteLLM": _litellm, "Portkey": _portkey, "TensorZero": _tensorzero, "nginx": _nginx}.items():
        if not wanted(name):
            continue
        try:
            found.append(make(install, say))
        except NotInstalled as reason:
            found.append(Missing(name, str(reason)))
    return found


def _litellm(install: bool, say: Callable[[str], None]) -> Subject:
    program = _from_pypi("litellm", f"litellm[proxy]=={LITELLM}", install, say).with_name("litellm")
    key = "sk-benchmark"

    def launch(upstream: str) -> Launch:
        port, settings = free_port(), DIRECTORY / "litellm.json"  # JSON is YAML
        deployments = [
            {
                "model_name": MODEL,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": f"{upstream}/{name}/v1", "api_key": name},
            }
            for name in ("east", "west", "north")
        ]
        general = {"master_key": key, "disable_spend_logs": True}
        quiet = {"set_verbose": False, "json_logs": False, "request_timeout": 600}
        settings.write_text(
            json.dumps({"model_list": deployments, "general_settings": general, "litellm_settings": quiet})
        )
        where = ["--host", "127.0.0.1", "--port", str(port), "--config", str(settings), "--num_workers", "1"]
        environment = {
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_TELEMETRY": "False",
        }
        return Launch([str(program), *where], f"http://127.0.0.1:{port}", environment)

    note = (
        "`litellm --num_workers 1`, master key checked, three deployments in turns (`simple-shuffle`, its default), "
        "`LITELLM_MODE=PRODUCTION`, `LITELLM_LOG=ERROR`, its own model prices from its package; no database, so "
        "without limits and stored usage"
    )
    return Subject("LiteLLM", LITELLM, note, launch, headers={"authorization": f"Bearer {key}"})


def _tensorzero(install: bool, say: Callable[[str], None]) -> Subject:
    python = _from_pypi("tensorzero", f"tensorzero=={TENSORZERO}", install, say)

    def launch(upstream: str) -> Launch:
        settings = DIRECTORY / "tensorzero.toml"
        settings.write_text(
            "[gateway]\nobservability.enabled = false\ndisable_pseudonymous_usage_analytics = true\n"
            f'[models."{MODEL}"]\nrouting = ["east"]\n'
            f'[models."{MODEL}".providers.east]\ntype = "openai"\nmodel_name = "{MODEL}"\n'
            f'api_base = "{upstream}/v1/"\napi_key_location = "none"\n'
        )
        program = Path(__file__).with_name("tensorzero_gateway.py")
        environment = {"RUST_LOG": "error", "TENSORZERO_DISABLE_PSEUDONYMOUS_USAGE_ANALYTICS": "1"}
        return Launch([str(python), str(program), str(settings)], environment=environment)

    note = (
        "the Rust gateway of its PyPI package, started by `benchmarks/tensorzero_gateway.py` (whose Python idles, and "
        "counts in memory and start-up alone); one model of one provider, observability off, so without stored usage; "
        "no authentication and no limits, which need a database"
    )
    path = "/openai/v1/chat/completions"
    return Subject("TensorZero", TENSORZERO, note, launch, f"tensorzero::model_name::{MODEL}", path)


def _portkey(install: bool, say: Callable[[str], None]) -> Subject:
    program = _from_npm("portkey", PORTKEY_PINS, install, say) / "build/start-server.js"
    node = _node()

    def launch(upstream: str) -> Launch:
        port = free_port()
        command = [str(node.program), str(program), f"--port={port}", "--headless"]
        return Launch(command, f"http://127.0.0.1:{port}", {"NODE_ENV": "production"})

    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": "{upstream}/v1",
        "authorization": "Bearer key-of-east",
    }
    note = (
        "`--headless`, `NODE_ENV=production`; provider, key and `x-portkey-custom-host` come with each call; "
        f"@hono/node-server {PORTKEY_PINS['@hono/node-server']}, for with the newest all its streams fail; "
        "no authentication, no choice, no limits, no usage"
    )
    return Subject("Portkey", PORTKEY, note, launch, headers=headers)


def _nginx(install: bool, say: Callable[[str], None]) -> Subject:
    program = shutil.which("nginx")
    if program is None:
        raise NotInstalled("this machine has no nginx")
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr
    directory = DIRECTORY / "nginx"

    def launch(upstream: str) -> Launch:
        port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "nginx.conf").write_text(
            "daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;\n"
            "events { worker_connections 4096; }\n"
            "http { access_log off; client_max_body_size 8m; client_body_buffer_size 2m;\n"
            "keepalive_requests 100000000;\n"
            f"upstream one {{ server {upstream.removeprefix('http://')}; keepalive 256; "
            "keepalive_requests 100000000; }\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://one; proxy_http_version 1.1;\n"
            'proxy_set_header Connection ""; proxy_buffering off; } } }\n'
        )
        command = [program, "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"]
        return Launch(command, f"http://127.0.0.1:{port}")

    note = "`proxy_pass` with kept connections and nothing else: what C does that knows nothing of models"
    return Subject("nginx", told.strip().rpartition("/")[2], note, launch)


def _from_pypi(name: str, requirement: str, install: bool, say: Callable[[str], None]) -> Path:
    """The Python of an environment that has this requirement."""
    home = DIRECTORY / name
    python, stamp = home / "bin/python", home / "installed"
    if stamp.exists() and stamp.read_text() == requirement:
        return python
    if not install:
        raise NotInstalled(f"{requirement} is not installed, and --skip-install was given")
    say(f"installing {requirement}")
    venv.create(home, clear=True, with_pip=True)
    _run([str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", requirement])
    stamp.write_text(requirement)
    return python


def _from_npm(name: str, pinned: dict[str, str], install: bool, say: Callable[[str], None]) -> Path:
    """The directory of the first of these packages; the others are held to their versions wherever they are needed."""
    home = DIRECTORY / name
    (package, version), *others = pinned.items()
    manifest = json.dumps({"dependencies": {package: version}, "overrides": dict(others)})
    stamp = home / "installed"
    if stamp.exists() and stamp.read_text() == manifest:
        return home / "node_modules" / package
    if not install:
        raise NotInstalled(f"{package}@{version} is not installed, and --skip-install was given")
    node = _node()
    say(f"installing {package}@{version}")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "package.json").write_text(manifest)
    _run([*node.npm, "install", "--prefix", str(home), "--no-audit", "--no-fund"])
    stamp.write_text(manifest)
    return home / "node_modules" / package


def _node() -> Node:
    node = find_node(Path(sys.prefix))
    if node is None:
        raise NotInstalled(f"it needs Node, {OLDEST_MAJOR} or newer")
    return node


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise NotInstalled(str(fault)) from None
    if done.returncode != 0:
        complaints = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()]
        raise NotInstalled(" ".join(complaints[-1:])[-300:] or f"exit code {done.returncode}")
