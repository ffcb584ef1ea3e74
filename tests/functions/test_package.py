"""The deployment zip: what is in it, what is not, and that a worker serves from it alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import package as packaging
import pytest

from tests.functions.conftest import ROOT
from tests.functions.harness.host import FunctionsHost


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The zip of this checkout."""
    packaging.package(ROOT, tmp_path / "roundhouse.zip")
    return tmp_path / "roundhouse.zip"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with all that must stay behind."""
    for name in (
        *("function_app.py", "host.json", "requirements.txt", "gateway/app.py", "gateway/management/page.html"),
        "gateway/catalog/models.json.gz",
        *("gateway/local/run.py", "gateway/__main__.py", "gateway/__pycache__/app.cpython-313.pyc", "gateway/.env"),
        *("tests/test_app.py", "simulator/server.py", ".roundhouse/local.json", "local.settings.json", ".env"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".funcignore").write_bytes((ROOT / ".funcignore").read_bytes())
    return tmp_path


def _names(zip_file: Path) -> list[str]:
    with zipfile.ZipFile(zip_file) as zipped:
        return zipped.namelist()


def test_the_zip_holds_the_app_and_nothing_else(checkout: Path) -> None:
    packaging.package(checkout, checkout / "made.zip")

    assert _names(checkout / "made.zip") == [
        "function_app.py",
        "gateway/app.py",
        "gateway/catalog/models.json.gz",
        "gateway/management/page.html",
        "host.json",
        "requirements.txt",
    ]


def test_the_same_sources_make_the_same_bytes(checkout: Path) -> None:
    packaging.package(checkout, checkout / "one.zip")
    for file in checkout.rglob("*.py"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
    packaging.package(checkout, checkout / "other.zip")

    assert (checkout / "one.zip").read_bytes() == (checkout / "other.zip").read_bytes()


def test_funcignore_leaves_exactly_the_zip_for_azd_and_core_tools(made: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    patterns = packaging.read_patterns(ROOT / ".funcignore")

    left = [name for name in listed.splitlines() if not packaging.is_ignored(PurePosixPath(name), patterns)]

    assert set(left) <= set(_names(made))


def test_the_zip_has_the_facts_on_models(made: Path) -> None:
    assert "gateway/catalog/models.json.gz" in _names(made)


def test_dependencies_are_installed_into_the_zip_on_request(checkout: Path) -> None:
    wheel = checkout / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as zipped:
        zipped.writestr("tiny.py", "SIZE = 1\n")
        zipped.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        zipped.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        zipped.writestr("tiny-1.0.dist-info/RECORD", "")
    (checkout / "requirements.txt").write_text(f"{wheel}\n")

    packaging.package(checkout, checkout / "made.zip", with_dependencies=True)

    assert ".python_packages/lib/site-packages/tiny.py" in _names(checkout / "made.zip")


def test_the_command_says_what_it_made() -> None:
    done = subprocess.run([sys.executable, "scripts/package.py"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("dist/roundhouse.zip: ")


async def test_a_worker_serves_from_the_zips_content_alone(
    made: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    unpacked = tmp_path / "wwwroot"
    with zipfile.ZipFile(made) as zipped:
        zipped.extractall(unpacked)

    async with FunctionsHost(unpacked, environment) as host:
        assert host.functions.keys() == {
            *("management", "endpoints", "health", "data"),
            *("refresh_registry", "deliver_webhooks"),
        }
        await host.timer("refresh_registry")
        async with host.request("GET", "/health/ready") as response:
            assert response.status == 200
        async with host.request("GET", "/api/v1/management/openapi.json") as response:
            assert response.status == 200, await response.text()
        async with host.request("POST", "/v1/chat/completions", json={"model": "any"}) as response:
            assert response.status == 401
