"""The state directory: private, written whole, forgiving of what it can't read."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from gateway.local.errors import CannotStart
from gateway.local.state import LocalFile, State

LOCAL = LocalFile("http://127.0.0.1:7071", "token", "rh-key", "storage")


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "state")
    os.close(state.open())
    return state


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_directory_is_private_even_if_it_was_there_and_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    os.close(State(tmp_path).open())
    assert mode(tmp_path) == 0o700


def test_every_file_is_private_whatever_the_umask(state: State) -> None:
    before = os.umask(0)
    try:
        state.remember(LOCAL)
        state.remember_port("azurite", 4711)
        state.encryption_key()
    finally:
        os.umask(before)
    files = [each for each in state.directory.iterdir() if each.is_file()]
    assert sorted(each.name for each in files) == ["encryption.key", "local.json", "lock", "ports.json"]
    assert {mode(each) for each in files} == {0o600}


def test_what_is_remembered_comes_back(state: State) -> None:
    state.remember(LOCAL)
    state.remember_port("azurite", 4711)
    state.remember_port("simulator", 4712)
    again = State(state.directory)
    assert again.remembered() == LOCAL
    assert (again.port("azurite"), again.port("simulator"), again.port("other")) == (4711, 4712, None)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"url": 1}', '{"azurite": "x"}', "\x00\xff"])
def test_a_spoiled_file_is_as_good_as_none(state: State, text: str) -> None:
    state.local_file.write_text(text)
    (state.directory / "ports.json").write_text(text)
    assert state.remembered() is None
    assert state.port("azurite") is None
    state.remember_port("azurite", 1)
    assert state.port("azurite") == 1


def test_a_write_that_fails_leaves_the_old_text_and_no_draft_that_stays(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.remember(LOCAL)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            state.remember(LocalFile("a", "b", "c", "d"))
    assert state.remembered() == LOCAL
    state.remember(LocalFile("a", "b", "c", "d"))
    assert [each.name for each in state.directory.iterdir() if each.name.startswith(".")] == []


def test_the_encryption_key_is_made_once_and_is_32_bytes(state: State) -> None:
    key = state.encryption_key()
    assert len(base64.b64decode(key, validate=True)) == 32
    assert State(state.directory).encryption_key() == key


def test_one_state_directory_has_one_holder(state: State) -> None:
    lock = state.open()
    with pytest.raises(CannotStart, match=f"process {os.getpid()}"):
        State(state.directory).open()
    os.close(lock)
    os.close(State(state.directory).open())
