"""What is said reaches whoever listens, and nobody's leaving costs more than the words."""

from __future__ import annotations

import os
import sys

import pytest

from gateway.local import announce


def test_a_reader_that_has_left_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        announce.stopping()
        announce.stopping()


def test_the_end_of_a_process_is_said_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    announce.worker_ended(4711, -9)
    announce.azurite_ended(1, "node main.js")
    announce.refused(RuntimeError("409 conflict"))
    announce.demo("http://127.0.0.1:1", None)
    said = capsys.readouterr().out
    assert "process 4711 ended (signal 9)" in said
    assert "Azurite ended (exit code 1)" in said and "\n  node main.js\n" in said
    assert "could not be registered: 409 conflict" in said
    assert "made no call" in said
