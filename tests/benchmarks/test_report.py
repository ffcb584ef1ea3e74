"""The results: who is missing is said to be missing, figures and ratios stand where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.report import Results, write
from benchmarks.subjects import BARE_HTTPTOOLS, ROUNDHOUSE, UPSTREAM, Missing, Subject


def results() -> Results:
    subject = Subject(ROUNDHOUSE, "1.0", "all features on", None)
    found = Results("a machine", "python -m benchmarks", 3, 2.0, {ROUNDHOUSE: subject}, {"Portkey": "there is no Node"})
    for rps in (900.0, 1000.0, 1100.0):
        found.add(UPSTREAM, {"rps_32": 50 * rps, "first_ms": 0.1})
        found.add(BARE_HTTPTOOLS, {"rps_32": 2 * rps, "first_ms": 0.2})
        found.add(ROUNDHOUSE, {"rps_32": rps, "first_ms": 0.5})
    return found


def test_a_page_has_medians_ratios_settings_and_who_is_missing(tmp_path: Path) -> None:
    write(results(), tmp_path / "results.md")
    page = (tmp_path / "results.md").read_text()
    assert "**Portkey** is missing: there is no Node" in page
    assert "median of 3 interleaved rounds of 2 s" in page
    assert f"| {ROUNDHOUSE} | – | 1,000 |" in page
    assert f"| {BARE_HTTPTOOLS} | – | 0.50 × |" in page
    assert f"| {ROUNDHOUSE} | 1.0 | all features on |" in page
    assert f"{ROUNDHOUSE} 20%" in page


def test_what_a_stream_adds_is_told_against_the_upstream_itself() -> None:
    table = results().medians()
    assert table[ROUNDHOUSE]["first_added_ms"] == pytest.approx(0.4)
    assert "first_added_ms" not in table[UPSTREAM]


def test_a_peer_that_is_not_there_is_missing_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "DIRECTORY", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = peers.peers(install=False, say=print, wanted=lambda name: name != "LiteLLM")
    assert [each.name for each in found] == ["Portkey", "TensorZero", "nginx"]
    assert all(isinstance(each, Missing) and each.reason for each in found)
    assert list(tmp_path.iterdir()) == []


def test_an_installation_that_fails_says_why() -> None:
    with pytest.raises(peers.NotInstalled, match="ERROR: nothing satisfies it"):
        peers._run(["sh", "-c", "echo some; echo ERROR: nothing satisfies it; exit 3"])
    with pytest.raises(peers.NotInstalled, match="exit code 3"):
        peers._run(["sh", "-c", "exit 3"])
