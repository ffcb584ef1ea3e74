"""The smoke bench, as a process: green at its floor, red above what can be, and nothing left behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


def smoke(floor: float) -> subprocess.CompletedProcess[str]:
    short = "s.ROUNDS, s.SECONDS, s.WARM_UP_SECONDS = 1, 0.3, 0.2"
    program = f"import sys; from benchmarks import smoke as s; {short}; s.FLOOR = {floor}; sys.exit(s.main())"
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100)


def test_both_costs_and_their_ratio_are_printed_and_the_floor_decides() -> None:
    low, high = smoke(0.0), smoke(10.0)
    assert (low.returncode, high.returncode) == (0, 1), low.stderr + high.stderr
    bare, ours = map(float, re.findall(r"relay ([\d.]+), Roundhouse ([\d.]+)", low.stdout)[0])
    (ratio,) = re.findall(r"^ratio ([\d.]+), floor 0.0$", low.stdout, re.MULTILINE)
    assert float(ratio) == pytest.approx(bare / ours, abs=0.01)
    assert "dearer" in high.stderr
