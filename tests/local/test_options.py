"""The command line: what it takes, what it refuses, and a help that leaves nothing out."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from gateway.local.options import parse, settings_help
from gateway.settings import Settings


def test_what_is_not_given_comes_from_the_settings() -> None:
    options = parse([], Settings(port=8080, log_level="info"))
    assert (options.host, options.port, options.workers, options.demo) == ("127.0.0.1", 8080, 1, False)
    assert options.log_level == "INFO"
    assert options.state_directory.name == ".roundhouse"


def test_every_option_is_read() -> None:
    given = "--host ::1 --port 0 --workers 4 --demo --state-dir /tmp/x --log-level debug"
    options = parse(given.split(), Settings())
    assert (options.host, options.port, options.workers, options.demo) == ("::1", 0, 4, True)
    assert (options.state_directory, options.log_level) == (Path("/tmp/x"), "DEBUG")


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("--port x", "not a port: 0 to 65535"),
        ("--port 65536", "not a port: 0 to 65535"),
        ("--port -1", "not a port: 0 to 65535"),
        ("--workers 0", "not a number of processes: 1 to 64"),
        ("--workers many", "not a number of processes: 1 to 64"),
        ("--log-level loud", "invalid choice"),
        ("--unknown", "unrecognized arguments"),
    ],
)
def test_a_wrong_option_is_refused_with_its_rule(given: str, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        parse(given.split(), Settings())
    assert refusal.value.code == 2
    assert rule in capsys.readouterr().err


def test_the_help_explains_every_option_and_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--help"], Settings())
    assert end.value.code == 0
    text = capsys.readouterr().out
    for option in ("--host", "--port", "--workers", "--demo", "--no-demo", "--state-dir", "--log-level", "--version"):
        assert option in text
    assert settings_help() in text


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_every_setting_is_listed_with_its_default_and_meaning(setting: object) -> None:
    env, default = setting.metadata["env"], setting.default  # type: ignore[attr-defined]
    lines = settings_help().splitlines()
    at = next(number for number, line in enumerate(lines) if line.split()[0] == env)
    entry = " ".join(line.strip() for line in lines[at : at + 3])
    assert setting.metadata["help"].split(";")[0][:40] in entry  # type: ignore[attr-defined]
    assert default is None or f"({default})" in entry
