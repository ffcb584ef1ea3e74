"""What the simulator received, and what became of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from simulator.multipart import Form, Part

KEPT_RECORDS = 10_000
KEPT_BODY_BYTES = 64 * 1024
MAX_BODY_BYTES = 100 * 1024 * 1024
MAX_FORM_BYTES = 512 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Received:
    """One request and its fate. Times are the machine's monotonic clock, in seconds."""

    method: str
    path: str
    query: str
    wire_headers: list[tuple[bytes, bytes]]
    started_at: float
    """When the request's headers had arrived."""
    prefix: str = ""
    """What stood in the path before the API's own, such as `/prefix`."""
    deployment: str = ""
    """The simulated deployment: the account of the prefix `/accounts/{name}`, else the name in the path, else the
    body's or form's `model`, else the deployment that made the id in the path."""
    authentication: str = ""
    """The credential that was accepted: `bearer`, `sigv4`, `query`, or the name of the header that held the key."""
    body: bytes | None = None
    """The request's body; None again after the answer if it is larger than 64 KB, or when it exceeds 100 MB.
    A multipart body larger than 64 KB is never held: see `parts`."""
    body_length: int = 0
    form: Form | None = None
    """The multipart body, if it is one, as far as it has arrived."""
    arrived: bool = False
    """Whether the whole request has arrived."""
    answered_status: int | None = None
    """None while nothing has been answered, and when the connection was refused."""
    closed_early: bool = False
    """Whether the client left before its answer was complete."""
    closed_at: float | None = None
    """When the exchange ended: the last byte was written, or the client left. None while it is under way."""
    _first: dict[bytes, bytes] | None = field(default=None, repr=False)
    _pieces: list[bytes] = field(default_factory=list, repr=False)
    _digest: Any = field(default_factory=sha256, repr=False)

    def feed(self, piece: bytes) -> None:
        """Take in the next piece of the body."""
        self._digest.update(piece)
        self.body_length += len(piece)
        if self.form is not None:
            self._feed_form(self.form, piece)
        elif self.body_length <= MAX_BODY_BYTES:
            self._pieces.append(piece)

    def _feed_form(self, form: Form, piece: bytes) -> None:
        if self.body_length <= MAX_FORM_BYTES:
            form.feed(piece)
        if self.body_length <= KEPT_BODY_BYTES:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def complete(self) -> None:
        """Take note that the whole body is here."""
        self.arrived = True
        if self.form is not None:
            self.form.complete()
        if self.body_length <= (MAX_BODY_BYTES if self.form is None else KEPT_BODY_BYTES):
            self.body = b"".join(self._pieces)
        self._pieces.clear()

    def close(self, now: float, *, early: bool) -> None:
        """Take note that the exchange is over; large bodies are let go."""
        self.closed_at = now
        self.closed_early = early
        self._pieces.clear()
        if self.body_length > KEPT_BODY_BYTES:
            self.body = None
            for part in self.parts:
                part.release(KEPT_BODY_BYTES)

    @property
    def too_large(self) -> bool:
        """Whether the body exceeds what is taken: 512 MB of a multipart form, 100 MB of anything else."""
        return self.body_length > (MAX_BODY_BYTES if self.form is None else MAX_FORM_BYTES)

    @property
    def parts(self) -> list[Part]:
        """The parts of a multipart body, in order; empty for any other."""
        return [] if self.form is None else self.form.parts

    @property
    def body_sha256(self) -> str:
        """SHA-256 of the body as far as it has arrived, in hexadecimal."""
        digest: str = self._digest.hexdigest()
        return digest

    @property
    def raw_headers(self) -> list[tuple[str, str]]:
        """Every header as it was spelled, in the order of arrival."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.wire_headers]

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name; repeated ones are joined by `, `."""
        joined: dict[str, str] = {}
        for name, value in self.raw_headers:
            name = name.lower()
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined

    def header(self, name: bytes) -> str:
        """The first header of this lower-case name, or an empty string."""
        if self._first is None:
            self._first = {each.lower(): value for each, value in reversed(self.wire_headers)}
        return self._first.get(name, b"").decode("latin-1")

    def to_json(self) -> dict[str, Any]:
        """The record as the control API shows it; `body` is text, or null when it was large or is not UTF-8."""
        try:
            text = self.body.decode() if self.body is not None and self.body_length <= KEPT_BODY_BYTES else None
        except UnicodeDecodeError:
            text = None
        return {
            "deployment": self.deployment,
            "method": self.method,
            "path": self.path,
            "prefix": self.prefix,
            "query": self.query,
            "headers": self.raw_headers,
            "authentication": self.authentication,
            "body_sha256": self.body_sha256,
            "body_length": self.body_length,
            "body": text,
            "parts": [part.to_json() for part in self.parts],
            "started_at": self.started_at,
            "answered_status": self.answered_status,
            "closed_early": self.closed_early,
            "closed_at": self.closed_at,
        }


class Records:
    """The last 10,000 requests, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Received] = deque(maxlen=KEPT_RECORDS)

    def add(self, received: Received) -> None:
        """Keep one more, and let the oldest go when there are too many."""
        self._kept.append(received)

    def select(self, deployment: str | None = None) -> list[Received]:
        """Those of one deployment, or all."""
        return [each for each in self._kept if deployment is None or each.deployment == deployment]

    def clear(self) -> None:
        """Forget everything received so far."""
        self._kept.clear()
