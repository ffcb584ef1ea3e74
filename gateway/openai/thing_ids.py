"""Ids that remember where a thing lives: responses, files and batches go back to the deployment that made them.

An upstream's id `resp_abc` becomes `resp_rh1<deployment><seal>abc`. `deployment` is a digest of the deployment's id;
`seal` is a MAC over it, the upstream's id and the tenant, so that nobody can use, or make up, the id of another's
thing. No store is asked: every instance that knows the registry's secret can read it, after any restart.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

# Stands in every issued id, and so says quickly whether a body mentions one.
MARK = b"rh1"
_MARK = MARK.decode()
_TAG_LENGTH = 12
_SEAL_LENGTH = 16
_HEAD = len(_MARK) + _TAG_LENGTH + _SEAL_LENGTH
_SPLIT = re.compile(r"([A-Za-z]+[_-])(.+)", re.DOTALL)

# Where ids stand in a body: strings of JSON, so that a quote inside of one is always escaped.
_KEYS = rb"id|response_id|previous_response_id|file_id|input_file_id|output_file_id|error_file_id|first_id|last_id"
_ISSUED = re.compile(rb'"((?:resp|file|assistant|batch)[A-Za-z]*[_-]rh1[0-9a-f]{28}[A-Za-z0-9_.-]+)"')


class UnknownThing(ValueError):
    """An id that this registry did not make, or not for this tenant."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a thing lives: the digest of its deployment's id, and its id there."""

    tag: str
    upstream_id: str


def tag(deployment_id: str) -> str:
    """The digest by which ids remember a deployment."""
    return hashlib.sha256(deployment_id.encode()).hexdigest()[:_TAG_LENGTH]


class ThingIds:
    """Makes and reads the ids of one tenant's things. `tenant`: its identity."""

    def __init__(self, secret: bytes, tenant: str) -> None:
        self._secret = secret
        self._tenant = tenant

    def issue(self, upstream_id: str, deployment_tag: str) -> str:
        """The id to tell the caller; one without a prefix and a separator stays as it is."""
        parts = _SPLIT.fullmatch(upstream_id)
        if parts is None:
            return upstream_id
        return parts[1] + _MARK + deployment_tag + self._seal(deployment_tag, upstream_id) + parts[2]

    def read(self, issued: str) -> Home:
        """Where a thing lives; raises UnknownThing for an id that was not issued to this tenant."""
        parts = _SPLIT.fullmatch(issued)
        if parts is None or not parts[2].startswith(_MARK) or len(parts[2]) <= _HEAD:
            raise UnknownThing(issued)
        deployment_tag = parts[2][len(_MARK) : len(_MARK) + _TAG_LENGTH]
        upstream_id = parts[1] + parts[2][_HEAD:]
        seal = parts[2][len(_MARK) + _TAG_LENGTH : _HEAD]
        if not hmac.compare_digest(seal.encode(), self._seal(deployment_tag, upstream_id).encode()):
            raise UnknownThing(issued)
        return Home(deployment_tag, upstream_id)

    @cached_property
    def _key(self) -> bytes:
        # Most calls are about no thing at all, so it is made when it is first needed.
        return hmac.digest(self._secret, self._tenant.encode(), "sha256")

    def _seal(self, deployment_tag: str, upstream_id: str) -> str:
        return hmac.digest(self._key, f"{deployment_tag}/{upstream_id}".encode(), "sha256").hex()[:_SEAL_LENGTH]

    def homes(self, body: bytes) -> list[Home]:
        """The homes of all issued ids that a request's body mentions; raises UnknownThing."""
        return [self.read(found[1].decode()) for found in _ISSUED.finditer(body)]

    def to_upstream(self, body: bytes) -> bytes:
        """The body with every issued id as the upstream knows it, and no other byte changed."""
        return _ISSUED.sub(lambda found: b'"%b"' % self.read(found[1].decode()).upstream_id.encode(), body)

    def to_caller(self, prefixes: Iterable[str], deployment_tag: str) -> Callable[[bytes], bytes]:
        """A function that puts issued ids into whole pieces of an answer: JSON, or whole events of a stream."""
        starts = "|".join({*prefixes, "file", "assistant"}).encode()
        told = re.compile(rb'("(?:' + _KEYS + rb')"\s*:\s*")((?:' + starts + rb')[A-Za-z]*[_-][A-Za-z0-9_.-]+)"')

        def put(match: re.Match[bytes]) -> bytes:
            return match[1] + self.issue(match[2].decode(), deployment_tag).encode() + b'"'

        return lambda piece: told.sub(put, piece)
