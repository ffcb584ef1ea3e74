"""The documents keep step with the source: packages, settings, routes, errors, rooms, tests and links."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from gateway import errors, health
from gateway.local.install import NODE_WHEEL
from gateway.openai.operations import OPERATIONS
from gateway.openai.routes import AZURE_PREFIXES, AZURE_RESOURCE_PREFIXES, OPENAI_PREFIXES, PASSTHROUGH_PREFIX
from gateway.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
DATA_PLANE = (DOCS / "data-plane.md").read_text()
ARCHITECTURE = (DOCS / "architecture.md").read_text()
GATEWAY = sorted((ROOT / "gateway").rglob("*.py"))


def rows(text: str, first_cell: str) -> list[list[str]]:
    """The cells of each table row whose first cell is this one, in backticks."""
    lines = [line for line in text.splitlines() if line.startswith(f"| `{first_cell}` |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def pinned() -> set[str]:
    names = {NODE_WHEEL.partition("==")[0]}
    for requirements in ROOT.glob("requirements*.txt"):
        lines = requirements.read_text().splitlines()
        names |= {line.partition("==")[0].partition("[")[0] for line in lines if "==" in line}
    azurite = json.loads((ROOT / "azurite" / "package.json").read_text())
    return names | set(azurite["dependencies"]) | set(azurite["overrides"])


@pytest.mark.parametrize("package", sorted(pinned()))
def test_every_pinned_package_has_its_reason(package):
    assert f"`{package}`" in (DOCS / "dependencies.md").read_text()


def test_every_package_that_is_explained_is_pinned():
    explained = re.findall(r"^\| `([^`]+)` \|", (DOCS / "dependencies.md").read_text(), re.MULTILINE)
    assert set(explained) <= pinned()


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda each: each.metadata["env"])
def test_every_setting_is_documented_with_its_default(setting):
    ((_, default, meaning),) = rows(DATA_PLANE, setting.metadata["env"])
    assert default == ("–" if setting.default is None else str(setting.default))
    assert meaning


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_every_route_of_every_operation_is_documented(operation):
    if operation.native:
        assert f"`{operation.name}`" in DATA_PLANE
        return
    ((_, routes, _, _, deployment_class),) = rows(DATA_PLANE, operation.name)
    assert {f"{action.method} {action.path}" for action in operation.actions} <= set(re.findall(r"`([^`]+)`", routes))
    assert deployment_class == f"`{operation.deployment_class}`"


def test_every_prefix_and_every_path_beside_the_operations_is_documented():
    azure = [f"{prefix}{{model}}" for prefix in AZURE_PREFIXES]
    native = f"{PASSTHROUGH_PREFIX}{{provider}}/{{path}}"
    prefixes = [prefix.rstrip("/") for prefix in (*OPENAI_PREFIXES, *AZURE_RESOURCE_PREFIXES)]
    for path in (*prefixes, *azure, native, "GET models", "GET models/{id}", *(f"GET {each}" for each in health.PATHS)):
        assert f"`{path}`" in DATA_PLANE, path


def codes() -> Iterator[str]:
    """Every code that an error can carry: by its class, or given where it is raised."""
    for thing in vars(errors).values():
        if isinstance(thing, type) and issubclass(thing, errors.GatewayError):
            yield thing.code
    for path in GATEWAY:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                yield str(node.value.value)


@pytest.mark.parametrize("code", sorted(set(codes())))
def test_every_error_code_is_documented(code):
    assert f"`{code}`" in DATA_PLANE


def test_every_room_is_drawn():
    rooms = {path.name for path in (ROOT / "gateway").iterdir() if path.is_dir() and path.name != "__pycache__"}
    rooms |= {path.name for path in (ROOT / "gateway").glob("[!_]*.py")}
    assert {room for room in rooms if f"| `gateway/{room}" not in ARCHITECTURE} == set()


def test_every_folder_of_tests_is_explained():
    folders = {path.name for path in (ROOT / "tests").iterdir() if (path / "__init__.py").exists()} - {"fakes"}
    described = (ROOT / "CONTRIBUTING.md").read_text()
    assert {folder for folder in folders if f"| `tests/{folder}` |" not in described} == set()


def test_every_test_that_is_named_exists():
    code = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    named = {name for path in MARKDOWN for name in re.findall(r"`(test_\w+)`", path.read_text())}
    assert {name for name in named if f"def {name}(" not in code} == set()


def test_decisions_are_numbered_in_order_and_have_their_three_parts():
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        text = path.read_text()
        assert text.startswith(f"# {path.name[:4]}: "), path
        assert text.index("**Context.**") < text.index("**Decision.**") < text.index("**Consequences.**"), path


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists() and there.is_relative_to(ROOT), f"{path}: {target}"
        assert not anchor or anchor in anchors(there.read_text()), f"{path}: {target}"
