"""What a process that only serves calls does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("aiohttp", "azure", "cryptography", "fastapi", "google", "multipart", "numpy", "pydantic", "requests", "yarl")
FRAMEWORKS = ("fastapi", "pydantic", "starlette")


def test_the_gateway_is_imported_without_anything_heavy():
    code = f"import sys, gateway.app; print([each for each in {HEAVY} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_functions_are_indexed_without_a_framework():
    code = f"import sys, function_app; print([each for each in {FRAMEWORKS} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
