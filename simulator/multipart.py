"""Multipart forms, read as they arrive: fields and small files are kept, large files are only hashed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from simulator.wire import Json

KEPT_PART_BYTES = 1024 * 1024
MAX_PARTS = 1000
MAX_PART_HEAD_BYTES = 16 * 1024

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_PARAMETER = re.compile(r';\s*(name|filename)="((?:\\.|[^"\\])*)"', re.IGNORECASE)
_TYPE = re.compile(r"^content-type:\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_NUMBERS = ("n", "partial_images", "output_compression")


@dataclass(slots=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    """None for a field, a file's name (which may be empty) for a file."""
    content_type: str
    length: int = 0
    content: bytes | None = b""
    """None when it exceeds 1 MB, or when the exchange is over and the part is larger than 64 KB."""
    _digest: Any = field(default_factory=sha256, repr=False)
    _pieces: list[bytes] = field(default_factory=list, repr=False)

    def feed(self, piece: bytes) -> None:
        """Take in the next piece."""
        self._digest.update(piece)
        self.length += len(piece)
        if self.length <= KEPT_PART_BYTES:
            self._pieces.append(piece)

    def complete(self) -> None:
        """Take note that all of it is here."""
        self.content = b"".join(self._pieces) if self.length <= KEPT_PART_BYTES else None
        self._pieces.clear()

    def release(self, kept: int) -> None:
        """Let the content go if it is longer than `kept` bytes."""
        if self.length > kept:
            self.content = None

    @property
    def sha256(self) -> str:
        """SHA-256 as far as it has arrived, in hexadecimal."""
        digest: str = self._digest.hexdigest()
        return digest

    @property
    def value(self) -> object:
        """What the part gives a call: itself if it is a file; else its text, or the number or truth it stands for."""
        if self.filename is not None:
            return self
        text = (self.content or b"").decode("utf-8", "replace")
        if text in ("true", "false"):
            return text == "true"
        return int(text) if self.name in _NUMBERS and text.isdecimal() else text

    def to_json(self) -> Json:
        """The part as the control API shows it."""
        shown = ("name", "filename", "content_type", "length", "sha256")
        return {name: getattr(self, name) for name in shown}


class Form:
    """A multipart body; memory stays bounded however long it is."""

    def __init__(self, boundary: bytes) -> None:
        self.parts: list[Part] = []
        self.malformed = False
        self._delimiter = b"\r\n--" + boundary
        self._buffer = b"\r\n"  # the first delimiter needs no line before it
        self._part: Part | None = None
        self._step: Callable[[], bool] = self._skip

    @classmethod
    def of(cls, content_type: str) -> Form | None:
        """The form that a body of this type holds; None for any other type."""
        if content_type[:10].lower() != "multipart/":
            return None
        found = _BOUNDARY.match(content_type)
        return cls((found[1] or found[2]).encode("latin-1")) if found else None

    def feed(self, piece: bytes) -> None:
        """Take in the next piece of the body."""
        self._buffer += piece
        while self._step():
            pass

    def complete(self) -> None:
        """Take note that the whole body is here."""
        self.malformed = self.malformed or self._step != self._ignore

    def fields(self) -> Json | None:
        """Values by name without `[]`, repeated ones as a list; None when the form is malformed."""
        if self.malformed:
            return None
        fields: Json = {}
        for part in self.parts:
            name, value = part.name.removesuffix("[]"), part.value
            if name in fields:
                fields[name] = [*(fields[name] if isinstance(fields[name], list) else [fields[name]]), value]
            else:
                fields[name] = [value] if part.name.endswith("[]") else value
        return fields

    # The steps; each answers whether it moved on

    def _skip(self) -> bool:
        """Bytes up to the next delimiter: of the part under way, or of the preamble."""
        end = self._buffer.find(self._delimiter)
        inside = end if end >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
        if self._part is not None and inside:
            self._part.feed(self._buffer[:inside])
        if end < 0:
            self._buffer = self._buffer[inside:]
            return False
        if self._part is not None:
            self._part.complete()
            self._part = None
        self._buffer = self._buffer[end + len(self._delimiter) :]
        self._step = self._head
        return True

    def _head(self) -> bool:
        """What follows a delimiter: `--` ends the form, anything else is a part's head."""
        if self._buffer.startswith(b"--"):
            self._step = self._ignore
            return True
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return len(self._buffer) > MAX_PART_HEAD_BYTES and self._give_up()
        head = self._buffer[:end].decode("utf-8", "replace")
        given = {name.lower(): re.sub(r"\\(.)", r"\1", value) for name, value in _PARAMETER.findall(head)}
        if "name" not in given or len(self.parts) == MAX_PARTS:
            return self._give_up()
        kind = _TYPE.search(head)
        self._part = Part(given["name"], given.get("filename"), kind[1] if kind else "text/plain")
        self.parts.append(self._part)
        self._buffer = self._buffer[end + 4 :]
        self._step = self._skip
        return True

    def _give_up(self) -> bool:
        self.malformed = True
        self._step = self._ignore
        return True

    def _ignore(self) -> bool:
        self._buffer = b""
        return False
