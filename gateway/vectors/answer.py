"""The vectors in the answer of an embeddings call, which upstreams write as numbers or as base64."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.errors import InvalidRequest, UpstreamError

MOST_DIMENSIONS = 16_384
FLOAT_BYTES = 4
# Beyond it, sums of products may not fit in 32 bits; a model's numbers are about 1.
LARGEST = 1e30


@dataclass(frozen=True, slots=True)
class Embeddings:
    """packed: the vectors one after the other, each of `dimensions` little-endian 32-bit floats. usage: as answered."""

    packed: bytes
    dimensions: int
    usage: dict[str, Any] | None


class _Embedding(msgspec.Struct, frozen=True):
    embedding: msgspec.Raw
    index: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: list[_Embedding]
    usage: Any = None


_decode = msgspec.json.Decoder(_Answer).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_numbers = msgspec.json.Decoder(list[float]).decode


def read_embeddings(body: bytes, count: int) -> Embeddings:
    """The vectors of `count` inputs, in their order. Raises UpstreamError for an answer that does not hold them, and
    InvalidRequest for vectors that are too long to keep. Takes a while: not for the event loop.
    """
    try:
        answer = _decode(body)
        data = answer.data
        if len(data) != count:
            raise _unreadable(f"{len(data)} embeddings for {count} inputs")
        if all(each.index is not None for each in data):
            data = sorted(data, key=lambda each: each.index or 0)
        vectors = [_packed(each.embedding) for each in data]
    except (msgspec.DecodeError, binascii.Error, OverflowError, RecursionError):
        raise _unreadable("no embeddings") from None
    size = len(vectors[0]) if vectors else 0
    if size == 0 or size % FLOAT_BYTES or any(len(each) != size for each in vectors):
        raise _unreadable("vectors of different lengths, or of none")
    dimensions = size // FLOAT_BYTES
    if dimensions > MOST_DIMENSIONS:
        raise InvalidRequest(
            f"A collection takes vectors of at most {MOST_DIMENSIONS:,} dimensions; these have {dimensions:,}.",
            param="collection",
        )
    packed = b"".join(vectors)
    if not _usable(packed):
        raise _unreadable("numbers that can't be searched")
    return Embeddings(packed, dimensions, answer.usage if isinstance(answer.usage, dict) else None)


def _packed(raw: msgspec.Raw) -> bytes:
    import numpy as np

    text = bytes(raw)
    if text.startswith(b'"'):
        return base64.b64decode(_decode_text(text), validate=True)
    with np.errstate(over="ignore"):
        return np.array(_decode_numbers(text), dtype="<f4").tobytes()


def _usable(packed: bytes) -> bool:
    import numpy as np

    numbers = np.frombuffer(packed, dtype="<f4")
    # Not a number is not within any bounds either.
    return bool(numbers.min() >= -LARGEST and numbers.max() <= LARGEST)


def _unreadable(what: str) -> UpstreamError:
    return UpstreamError(f"The upstream answered {what}, so nothing was kept.")
