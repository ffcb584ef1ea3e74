"""What simulated deployments remember between calls: responses, files and batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from simulator.wire import Json

KEPT_RESPONSES = 10_000
KEPT_FILES = 1_000
KEPT_BATCHES = 1_000


@dataclass(slots=True)
class Response:
    """A stored response."""

    owner: str
    value: Json
    """The response as it is once it is complete."""
    input_items: list[Json]
    status: str = "completed"
    ahead: list[str] = field(default_factory=list)
    """The statuses still to come; each retrieval takes one."""


@dataclass(slots=True)
class File:
    """A stored file."""

    owner: str
    value: Json
    content: bytes | None
    """None when the file was too large to be kept."""


@dataclass(slots=True)
class Batch:
    """A batch under way or done."""

    owner: str
    value: Json
    """The batch as it is now."""
    output: bytes
    """What the output file will hold."""
    ahead: list[Json]
    """The changes still to come; each retrieval takes one."""


class _Item(Protocol):
    owner: str
    value: Json


T = TypeVar("T", bound=_Item)


class Shelf(Generic[T]):
    """Items of one kind by id, each owned by one deployment; the oldest go when there are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: dict[str, T] = {}

    def put(self, item: T) -> None:
        """Keep an item under the id that its value bears."""
        self._items[item.value["id"]] = item
        if len(self._items) > self._limit:
            del self._items[next(iter(self._items))]

    def get(self, owner: str, identity: object) -> T | None:
        """The item of this id, if this deployment made it."""
        item = self._items.get(identity) if isinstance(identity, str) else None
        return item if item is not None and item.owner == owner else None

    def remove(self, item: T) -> None:
        """Forget one item."""
        del self._items[item.value["id"]]

    def of(self, owner: str) -> list[T]:
        """Everything this deployment made, newest first."""
        return [item for item in reversed(self._items.values()) if item.owner == owner]

    def owner(self, identity: str) -> str | None:
        """The deployment that made the item of this id."""
        item = self._items.get(identity)
        return None if item is None else item.owner


class State:
    """The memory of every simulated deployment."""

    def __init__(self) -> None:
        self.responses: Shelf[Response] = Shelf(KEPT_RESPONSES)
        self.files: Shelf[File] = Shelf(KEPT_FILES)
        self.batches: Shelf[Batch] = Shelf(KEPT_BATCHES)

    def owner(self, identity: str) -> str:
        """The deployment that made what has this id, or an empty string."""
        shelves = (self.responses, self.files, self.batches)
        return next((owner for shelf in shelves if (owner := shelf.owner(identity)) is not None), "")
