"""Run benchmarks/functions.py in `.venv-functions`, the environment of tests/functions, which has the real runtime."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from functions_tests import ROOT, environment


def main(arguments: Sequence[str]) -> int:
    """The benchmark's exit code; 1 when there is no interpreter."""
    python = environment()
    if python is None:
        return 1
    return subprocess.run([python, "-m", "benchmarks.functions", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
