"""A collection in memory: its segments as matrices, and the search over them. Nothing here is for the event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.storage.vectors import Segment
from gateway.vectors.answer import FLOAT_BYTES
from gateway.vectors.filters import Wanted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What an id, its metadata's place and its part in the sums take beside their own bytes.
ENTRY_BYTES = 200
EMPTY = msgspec.Raw(b"{}")
# A search with a filter asks of the best first, and seldom has to ask of all.
RANKED_AT_ONCE = 1_000


class Ids(msgspec.Struct, frozen=True):
    """The ids of a segment: of its vectors, and of those that it deletes."""

    ids: list[str]
    deleted: list[str] = []


_decode_ids = msgspec.json.Decoder(Ids).decode
_decode_metadata = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Block:
    """A segment in memory. vectors: a row for each id; inverse: 1 / length of each, 0 for one without length.

    metadata: JSON of each; None when all of them are empty.
    """

    names: Ids
    vectors: NDArray[np.float32]
    inverse: NDArray[np.float64]
    metadata: Sequence[msgspec.Raw] | None

    def metadata_of(self, row: int) -> msgspec.Raw:
        """The metadata of a vector, as JSON."""
        return EMPTY if self.metadata is None else self.metadata[row]


@dataclass(frozen=True, slots=True)
class Question:
    """What to search for. wanted: of the metadata; None: any. min_score: leave out what is less alike."""

    vector: Sequence[float]
    most: int
    wanted: Wanted | None = None
    min_score: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A vector that was found. score: the cosine of the angle to the question, from -1 to 1."""

    id: str
    score: float
    metadata: bytes
    vector: NDArray[np.float32]


def memory_bytes(segment: Segment) -> int:
    """What a segment takes in memory, about."""
    return segment.data_bytes + 2 * segment.ids_bytes + ENTRY_BYTES * segment.count


def pack_ids(ids: Sequence[str], deleted: Sequence[str] = ()) -> bytes:
    """The ids as a segment's part."""
    return msgspec.json.encode(Ids(list(ids), list(deleted)))


def read_ids(pieces: Sequence[bytes]) -> Ids:
    """A segment's part as its ids."""
    return _decode_ids(b"".join(pieces))


def pack_data(vectors: Sequence[bytes], metadata: Sequence[bytes]) -> bytes:
    """Packed vectors, in any number of pieces, and the metadata of each as a segment's part."""
    if all(each == b"{}" for each in metadata):
        return b"".join(vectors)
    return b"".join((*vectors, b"[", b",".join(metadata), b"]"))


def read_block(names: Ids, pieces: Sequence[bytes], dimensions: int) -> Block:
    """A segment's parts as they are searched."""
    import numpy as np

    data = b"".join(pieces)
    count = len(names.ids)
    vectors = np.frombuffer(data, dtype="<f4", count=count * dimensions).reshape(count, dimensions)
    # Sums of squares of 32-bit numbers don't fit in 32 bits for all of them.
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    inverse = np.divide(1.0, lengths, out=np.zeros(count), where=lengths > 0)
    rest = memoryview(data)[count * dimensions * FLOAT_BYTES :]
    return Block(names, vectors, inverse, _decode_metadata(rest) if rest else None)


def live_rows(segments: Sequence[Ids]) -> list[list[int]]:
    """Of each segment the rows that count: those whose id no later one has, or deletes."""
    taken: set[str] = set()
    live: list[list[int]] = []
    for names in reversed(segments):
        rows: list[int] = []
        for row in range(len(names.ids) - 1, -1, -1):
            if names.ids[row] not in taken:
                taken.add(names.ids[row])
                rows.append(row)
        taken.update(names.deleted)
        rows.reverse()
        live.append(rows)
    live.reverse()
    return live


class Index:
    """A collection as its head listed it at one moment; immutable, so that searches don't wait for each other."""

    def __init__(self, segments: Sequence[Segment], blocks: Mapping[str, Block]) -> None:
        import numpy as np

        self.segments = tuple(segments)
        self.blocks = {each.name: blocks[each.name] for each in segments}
        self.memory = sum(map(memory_bytes, segments))
        live = live_rows([each.names for each in self.blocks.values()])
        self._block = np.repeat(np.arange(len(live)), [len(rows) for rows in live])
        self._rows = [np.array(rows, dtype=np.intp) for rows in live]
        self._row = np.concatenate([np.zeros(0, dtype=np.intp), *self._rows])

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return len(self._row)

    def search(self, question: Question) -> list[Match]:
        """The vectors most like the question's, best first; of equal ones the one that was kept first."""
        import numpy as np

        scores = self._scores(question.vector)
        order = np.argsort(-scores, kind="stable")
        if question.wanted is None:
            order = order[: question.most]
        blocks = list(self.blocks.values())
        found: list[Match] = []
        for start in range(0, len(order), RANKED_AT_ONCE):
            part = order[start : start + RANKED_AT_ONCE]
            ranked = zip(scores[part].tolist(), self._block[part].tolist(), self._row[part].tolist(), strict=True)
            for score, which, row in ranked:
                if len(found) == question.most or (question.min_score is not None and score < question.min_score):
                    return found
                block = blocks[which]
                if question.wanted is None or question.wanted(_decode_object(block.metadata_of(row))):
                    found.append(Match(block.names.ids[row], score, bytes(block.metadata_of(row)), block.vectors[row]))
        return found

    def _scores(self, vector: Sequence[float]) -> NDArray[np.float64]:
        """The cosine of every vector that counts. The products let go of the interpreter."""
        import numpy as np

        asked = np.array(vector, dtype=np.float64)
        asked /= np.abs(asked).max()
        unit = (asked / np.linalg.norm(asked)).astype(np.float32)
        cosines = [np.zeros(0)]
        for block, rows in zip(self.blocks.values(), self._rows, strict=True):
            cosines.append(((block.vectors @ unit) * block.inverse)[rows])
        return np.clip(np.concatenate(cosines), -1.0, 1.0)


def as_json(matches: Sequence[Match], *, metadata: bool, vectors: bool) -> list[dict[str, Any]]:
    """Matches as an answer shows them."""
    return [
        {
            "object": "embedding.match",
            "id": each.id,
            "score": each.score,
            **({"metadata": msgspec.Raw(each.metadata)} if metadata else {}),
            **({"vector": each.vector.tolist()} if vectors else {}),
        }
        for each in matches
    ]
