"""Make `gateway/catalog/models.json.gz`, the built-in facts on models, from the JSON in litellm's wheel on PyPI.

Takes facts only: provider, mode, context, prices, dimensions, capabilities, deprecation. litellm itself is never
installed. The same source makes the same bytes. A source that is malformed, or that has lost more than a tenth of the
models of the file that is there, is refused and nothing is written. To take a newer source: change VERSION and AS_OF.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

VERSION = "1.109.1"
AS_OF = "2026-11-20"  # when this version was taken: what it says of prices was known by then
SOURCE = "litellm/model_prices_and_context_window_backup.json"
LICENCE = "MIT, Copyright (c) 2023 Berri AI"
TARGET = Path(__file__).resolve().parents[1] / "gateway" / "catalog" / "models.json.gz"

NO_MODELS = {"sample_spec", "fallback_generalizations"}
LEAST = 1000
LEAST_SHARE = 0.9
# The source files some of a provider's models under a name of their own.
PROVIDER_PREFIXES = {"vertex_ai-": "vertex_ai", "fireworks_ai-": "fireworks_ai"}
PROVIDER_ALIASES = {
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "bedrock_mantle": "bedrock",
    "cohere_chat": "cohere",
}

Json = dict[str, Any]


class Refused(Exception):
    """The source is not what it should be; says where and why."""


def condensed(source: bytes, had: int = 0) -> bytes:
    """The data file made from the source; `had`: how many models the one before it has. Raises Refused."""
    try:
        loaded = json.loads(source)
    except ValueError as error:
        raise Refused(f"the source is no JSON: {error}") from None
    if not isinstance(loaded, dict):
        raise Refused("the source is no JSON object")
    models = _models({name: entry for name, entry in loaded.items() if name not in NO_MODELS})
    least = max(LEAST, int(had * LEAST_SHARE))
    if len(models) < least:
        raise Refused(f"the source has shrunk to {len(models)} models; at least {least} are expected (there are {had})")
    header = {
        "source": f"litellm {VERSION}, {SOURCE}",
        "version": VERSION,
        "as_of": AS_OF,
        "licence": LICENCE,
        "count": len(models),
        "sha256": hashlib.sha256(source).hexdigest(),
    }
    text = json.dumps({"header": header, "models": models}, separators=(",", ":"), ensure_ascii=False)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(text.encode())
    return packed.getvalue()


def _models(entries: Mapping[str, Any]) -> list[Json]:
    """A fact sheet for each model, by provider and name. A name under its provider's prefix wins over one without."""
    found: dict[tuple[str, str], Json] = {}
    for name in sorted(entries, key=lambda each: ("/" in each, each)):
        fact = _fact(name, entries[name])
        found[fact["provider"], fact["model_id"]] = fact
    return [found[each] for each in sorted(found)]


def _fact(name: str, entry: Any) -> Json:
    if not isinstance(entry, dict):
        raise Refused(f"{name}: is no object")
    filed = entry.get("litellm_provider")
    mode = entry.get("mode")
    if not isinstance(filed, str) or not filed:
        raise Refused(f"{name}: litellm_provider is no name")
    if mode is not None and (not isinstance(mode, str) or " " in mode):
        raise Refused(f"{name}: mode is no name")
    provider = _provider(filed)
    fact: Json = {"provider": provider, "model_id": name.removeprefix(f"{filed}/").removeprefix(f"{provider}/")}
    values = {
        "mode": mode,
        "max_input_tokens": _size(name, entry, "max_input_tokens"),
        "max_output_tokens": _size(name, entry, "max_output_tokens"),
        "dimensions": _size(name, entry, "output_vector_size"),
        "deprecation_date": _date(name, entry.get("deprecation_date")),
        "capabilities": sorted(key.removeprefix("supports_") for key in entry if _supports(name, entry, key)),
        "prices": {key: _price(name, key, entry[key]) for key in sorted(entry) if _is_price(key, entry[key])},
    }
    return fact | {key: value for key, value in values.items() if value not in (None, [], {})}


def _provider(filed: str) -> str:
    filed = filed.removeprefix("text-completion-")
    for prefix, provider in PROVIDER_PREFIXES.items():
        if filed.startswith(prefix):
            return provider
    return PROVIDER_ALIASES.get(filed, filed)


def _size(name: str, entry: Json, key: str) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    # 2048.0 is a whole number too, to whoever wrote it.
    if type(value) not in (int, float) or value < 0 or value != int(value):
        raise Refused(f"{name}: {key} is no whole number")
    return int(value) or None


def _date(name: str, value: Any) -> str | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise Refused(f"{name}: deprecation_date is no date") from None


def _supports(name: str, entry: Json, key: str) -> bool:
    if not key.startswith("supports_"):
        return False
    if entry[key] not in (True, False, None):
        raise Refused(f"{name}: {key} is neither true nor false")
    return entry[key] is True


def _is_price(key: str, value: Any) -> bool:
    """Whether this is one price; a null is none, and so left out. Tables of prices are not facts that are taken."""
    return "cost" in key and value is not None and not isinstance(value, dict | list)


def _price(name: str, key: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < float("inf"):
        raise Refused(f"{name}: {key} is no price")
    return float(value)


def downloaded(directory: Path) -> bytes:
    """The source, from the pinned wheel."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--only-binary=:all:", "--dest", str(directory), f"litellm=={VERSION}"], check=True)
    [wheel] = directory.glob("litellm-*.whl")
    with zipfile.ZipFile(wheel) as zipped:
        if SOURCE not in zipped.namelist():
            raise Refused(f"the wheel of litellm {VERSION} has no {SOURCE}")
        return zipped.read(SOURCE)


def main() -> None:
    """Make the file and say what is in it."""
    had = json.loads(gzip.decompress(TARGET.read_bytes()))["header"]["count"] if TARGET.exists() else 0
    with tempfile.TemporaryDirectory() as scratch:
        try:
            made = condensed(downloaded(Path(scratch)), had)
        except Refused as error:
            sys.exit(f"The catalog is left as it is: {error}.")
    TARGET.write_bytes(made)
    header = json.loads(gzip.decompress(made))["header"]
    print(f"{TARGET.name}: {header['count']} models of litellm {VERSION} (there were {had}), {len(made):,} bytes")


if __name__ == "__main__":
    main()
