"""The house keeps its shape: imports point one way, pure rooms stay pure, files stay small, names say something."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATEWAY = sorted((ROOT / "gateway").rglob("*.py"))
FOLDERS = ("gateway", "simulator", "scripts", "tests", "benchmarks")
# Not what `make bench` installs in benchmarks/.peers.
FOUND = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if ".peers" not in path.parts)
CODE = [ROOT / "function_app.py", *FOUND]

# A room may import from its own and from those with a lower number, never from its equals or above.
LEVELS = {
    "collector": 0,
    "write_batch": 0,
    "request_ids": 0,
    "errors": 0,
    "settings": 0,
    "asgi": 1,
    "server": 2,
    "openai": 1,
    "registry": 2,
    "catalog": 3,
    "limits": 3,
    "metering": 3,
    "routing": 4,
    "upstream": 5,
    "storage": 5,
    "quotas": 6,
    "usage": 6,
    "vectors": 6,
    "webhooks": 6,
    "health": 7,
    "proxy": 7,
    "management": 7,
    "tenant_plane": 8,
    "composition": 9,
    "app": 10,
    "functions": 11,
    "local": 11,
    "__main__": 12,
}
PURE = {"errors", "openai", "registry", "routing", "limits", "metering", "catalog"}
IMPURE_MODULES = {"asyncio", "aiohttp", "azure", "os", "time", "random", "socket", "threading", "subprocess", "pathlib"}
GRAB_BAGS = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base)(_|$)")


def room(path: Path) -> str:
    return path.relative_to(ROOT / "gateway").parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import hides its direction"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", GATEWAY, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    here = room(path)
    if here == "__init__":
        return
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "gateway" and len(parts) > 1 and parts[1] in LEVELS and parts[1] != here:
            assert LEVELS[parts[1]] < LEVELS[here], f"{here} must not import {module}"


def test_every_room_has_its_level():
    assert {room(path) for path in GATEWAY} - {"__init__"} == set(LEVELS)


@pytest.mark.parametrize("path", [path for path in GATEWAY if room(path) in PURE], ids=lambda path: path.stem)
def test_pure_rooms_do_no_io(path):
    assert not {module.split(".")[0] for module in imports(path)} & IMPURE_MODULES


def test_only_storage_talks_to_azure_tables_and_only_settings_read_the_environment():
    for path in GATEWAY:
        modules = imports(path)
        if room(path) != "storage":
            assert not any(module.startswith("azure.data") for module in modules), path
        if room(path) not in ("settings", "local"):
            assert not re.search(r"\b(os\.environ|getenv)\b", path.read_text()), f"{path} reads the environment"


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_purpose_and_a_name_for_it(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 300, "split it: one purpose each"
    assert not GRAB_BAGS.search(path.stem), "name it for what it does"
    if path.name != "__init__.py" or text.strip():
        assert ast.get_docstring(ast.parse(text)), "its first line says its purpose"


def test_the_product_speaks_of_itself_alone():
    # Paths of a builder's machine and hosts of package registries have no place in a product.
    foreign = re.compile(r"/(?:home|root|work|Users)/\w|registry\.npmjs|pypi\.org/simple|files\.pythonhosted")
    suffixes = {".py", ".md", ".json", ".toml", ".txt", ".yaml", ".bicep", ".sh", ""}
    here = Path(__file__)
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        if path.is_file() and path.suffix in suffixes and path != here and not _ignored(inside):
            assert not foreign.search(path.read_text(errors="ignore")), path


def _ignored(parts: tuple[str, ...]) -> bool:
    return any(
        part == "node_modules" or (part.startswith(".") and part not in (".ci", ".funcignore")) for part in parts
    )
