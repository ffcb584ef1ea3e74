"""Make `dist/roundhouse.zip`, what `az functionapp deployment source config-zip` takes.

`python scripts/package.py` packs the sources, for a remote build: the platform installs requirements.txt.
`--with-dependencies` installs them into the zip here, as wheels for the Linux and Python of the function app, for a
deployment without one. The same sources make the same bytes: entries are sorted and carry no time.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from functions_tests import candidates, first_new_enough

ROOT = Path(__file__).resolve().parents[1]
ZIP = ROOT / "dist" / "roundhouse.zip"
PARTS = ("function_app.py", "host.json", "requirements.txt", "gateway")
# Where the worker looks for packages, and what it runs on; infra/modules/function-app.bicep says the same.
SITE_PACKAGES = ".python_packages/lib/site-packages"
PYTHON_VERSION = "3.13"
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_28_x86_64")
EARLIEST = (1980, 1, 1, 0, 0, 0)  # zip knows no earlier time
READABLE = 0o100644 << 16


def read_patterns(funcignore: Path) -> list[str]:
    """The patterns of a .funcignore: names, globs, and paths from the root; no `!`, no `**`."""
    lines = (line.strip() for line in funcignore.read_text().splitlines())
    return [line.strip("/") for line in lines if line and not line.startswith("#")]


def is_ignored(path: PurePosixPath, patterns: Iterable[str]) -> bool:
    """Whether a pattern names `path`, relative to the root, or a directory that it is in."""
    paths = [path, *path.parents][:-1]
    return any(
        fnmatchcase(str(each) if "/" in pattern else each.name, pattern) for pattern in patterns for each in paths
    )


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    """What is deployed of the checkout at `root`: (name in the zip, file), in the zip's order."""
    patterns = read_patterns(root / ".funcignore")
    for part in sorted(PARTS):
        whole = root / part
        for file in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            name = PurePosixPath(file.relative_to(root).as_posix())
            if not file.is_dir() and not is_ignored(name, patterns):
                yield str(name), file


def dependencies(requirements: Path, directory: Path) -> Iterator[tuple[str, Path]]:
    """Install `requirements` into `directory` for the function app's platform; what is there then.

    RuntimeError without a Python 3.13 or later: pip reads a requirement's `python_version` from the Python it runs on.
    """
    interpreter = first_new_enough(candidates())
    if interpreter is None:
        raise RuntimeError(f"--with-dependencies needs Python {PYTHON_VERSION} or later on this machine")
    pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    aim = ["--target", str(directory), "--python-version", PYTHON_VERSION, "--only-binary=:all:"]
    platforms = [f"--platform={platform}" for platform in PLATFORMS]
    subprocess.run([*pip, *aim, *platforms, "-r", str(requirements)], check=True)
    shutil.rmtree(directory / "bin", ignore_errors=True)  # its scripts name a Python of this machine
    for file in sorted(directory.rglob("*")):
        if not file.is_dir():
            yield f"{SITE_PACKAGES}/{file.relative_to(directory).as_posix()}", file


def write(target: Path, entries: Iterable[tuple[str, Path]]) -> None:
    """Write the zip: the same entries make the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as zipped:
        for name, file in entries:
            info = zipfile.ZipInfo(name, EARLIEST)
            info.external_attr, info.compress_type = READABLE, zipfile.ZIP_DEFLATED
            zipped.writestr(info, file.read_bytes())


def package(root: Path, target: Path, *, with_dependencies: bool = False) -> None:
    """Pack the checkout at `root` into `target`."""
    with tempfile.TemporaryDirectory() as scratch:
        entries = list(sources(root))
        if with_dependencies:
            entries += dependencies(root / "requirements.txt", Path(scratch))
        write(target, entries)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the zip and say where it is."""
    parser = argparse.ArgumentParser(prog="python scripts/package.py", description=__doc__)
    parser.add_argument("--with-dependencies", action="store_true", help="install requirements.txt into the zip")
    package(ROOT, ZIP, with_dependencies=parser.parse_args(arguments).with_dependencies)
    with zipfile.ZipFile(ZIP) as zipped:
        print(f"{ZIP.relative_to(ROOT)}: {len(zipped.namelist())} files, {ZIP.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
