"""Pages on disk while storage is down."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from gateway.settings import Settings
from gateway.usage.spill import Spill, spill_of
from tests.unit.usage.ledger import charged, page


def drained(spill: Spill) -> list[int]:
    """The sequence numbers of all that waits, each batch taken."""
    found = []
    while spill.waiting:
        found += [each.sequence for each in spill.batch(64)]
        spill.stored()
    return found


def test_pages_come_back_as_they_were_and_their_file_goes(tmp_path: Path):
    spill = Spill(tmp_path / "new", "account")
    pages = [page(charged(1), charged(2, None), sequence=each) for each in range(3)]
    spill.append(pages[:2])
    spill.append(pages[2:])
    [file] = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    back = spill.batch(64)
    assert [each.provenance for each in back[0].calls()] == ["measured", "unpriced"]
    assert back == pages == spill.batch(64)
    spill.stored()
    assert spill.batch(64) == [] and not spill.waiting and not file.exists()
    spill.close()


def test_a_batch_is_bounded_and_what_was_not_stored_comes_again(tmp_path: Path):
    spill = Spill(tmp_path, "account")
    spill.append([page(sequence=each) for each in range(5)])
    assert [each.sequence for each in spill.batch(2)] == [0, 1]
    assert [each.sequence for each in spill.batch(2)] == [0, 1]
    spill.stored()
    spill.append([page(sequence=5)])
    assert drained(spill) == [2, 3, 4, 5]
    spill.append([page(sequence=6)])
    assert drained(spill) == [6]


def test_what_a_dead_process_left_is_taken_over_by_the_next_and_by_one_alone(tmp_path: Path):
    dead = Spill(tmp_path, "account")
    dead.append([page(sequence=1), page(sequence=2)])
    dead.close()
    first, second = Spill(tmp_path, "account"), Spill(tmp_path, "account")
    assert (first.adopt(), second.adopt()) == (1, 0)
    assert first.waiting and not second.waiting
    first.append([page(sequence=3)])
    assert drained(first) == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []
    assert Spill(tmp_path, "account").adopt() == 0


def test_two_live_processes_never_share_a_spill_file(tmp_path: Path):
    spills = [Spill(tmp_path, "account") for _ in range(4)]
    for number, spill in enumerate(spills):
        spill.append([page(sequence=number)])
    assert [spill.adopt() and len(list(tmp_path.iterdir())) for spill in spills] == [4] * 4
    assert [drained(spill) for spill in spills] == [[0], [1], [2], [3]]


def test_usage_of_another_storage_is_not_taken_over(tmp_path: Path):
    other = Spill(tmp_path, "another account")
    other.append([page()])
    other.close()
    assert Spill(tmp_path, "account").adopt() == 0


def test_a_damaged_line_is_skipped_with_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    spill = Spill(tmp_path, "account")
    spill.append([page(sequence=1)])
    [file] = tmp_path.iterdir()
    good = file.read_bytes()
    odd = good.replace(b"100.0", b'\\"slow\\"')
    assert odd != good
    damaged = [odd.strip(), b"{", b"[]", b'{"calls": []}', b'{"calls": ["x"]}', good[: len(good) // 2]]
    file.write_bytes(good + b"\n".join(damaged) + b"\n" + good + good[:-20])
    assert [each.sequence for each in spill.batch(64)] == [1, 1]
    assert [each.getMessage().partition(":")[0] for each in caplog.records] == [
        f"a damaged line of {file.name} was skipped"
    ] * 7
    spill.stored()
    assert spill.batch(64) == [] and not file.exists()


def test_a_file_of_nothing_but_damage_is_removed(tmp_path: Path):
    spill = Spill(tmp_path, "account")
    spill.append([page()])
    [file] = tmp_path.iterdir()
    file.write_bytes(b"\x00\xff\n")
    assert spill.batch(64) == [] and not file.exists()
    spill.stored()


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spill = Spill(tmp_path, "account")
    spill.append([page(sequence=1)])
    real = os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if len(data) > 50:
            return real(descriptor, data[:50], offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError):
        spill.append([page(sequence=2)])
    monkeypatch.undo()
    spill.append([page(sequence=3)])
    assert drained(spill) == [1, 3]


def test_a_file_that_is_no_file_of_ours_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spill = Spill(tmp_path, "account")
    spill.append([page()])
    spill.close()
    [file] = tmp_path.iterdir()
    real = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: real + 1)
    assert Spill(tmp_path, "account").adopt() == 0
    monkeypatch.undo()
    link = file.with_name(file.name.replace("usage-", "linked-"))
    file.rename(link)
    file.symlink_to(link)
    assert Spill(tmp_path, "account").adopt() == 0


def test_a_file_that_another_takes_first_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import fcntl

    real, answers = fcntl.flock, [BlockingIOError()]

    def flock(descriptor: int, how: int) -> None:
        if answers:
            raise answers.pop()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    spill = Spill(tmp_path, "account")
    spill.append([page()])
    assert len(list(tmp_path.iterdir())) == 2 and drained(spill) == [0]


def test_a_file_that_goes_while_it_is_taken_over_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import fcntl

    dead = Spill(tmp_path, "account")
    dead.append([page()])
    dead.close()
    [file] = tmp_path.iterdir()
    monkeypatch.setattr(fcntl, "flock", lambda descriptor, how: file.unlink())
    assert Spill(tmp_path, "account").adopt() == 0
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [file])
    assert Spill(tmp_path, "account").adopt() == 0


def test_the_settings_say_where_and_a_rotated_key_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    account = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net"
    left = spill_of(Settings(storage_connection=account.format("old")))
    left.append([page()])
    left.close()
    [directory] = tmp_path.iterdir()
    assert directory.name == f"roundhouse-usage-{os.getuid()}"
    assert "old" not in next(directory.iterdir()).read_text()
    assert spill_of(Settings(storage_connection=account.format("new"))).adopt() == 1
    assert spill_of(Settings(tables_endpoint="https://a.table.core.windows.net")).adopt() == 0
    elsewhere = Settings(usage_spill_directory=str(tmp_path / "else"))
    nameless = spill_of(elsewhere)
    nameless.append([page()])
    nameless.close()
    assert spill_of(elsewhere).adopt() == 0
