"""An operation: one kind of call that a provider's API has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from simulator.call import Answer, Call
from simulator.streams import Stream


@dataclass(frozen=True)
class Operation:
    """How one kind of call is answered."""

    method: str
    path: str
    """A pattern of what follows the API's address; `{name}` stands for one variable part."""
    answer: Callable[[Call], Answer]
    stream: Callable[[Call], Stream] | None = None
    """How it is answered when a stream is asked for by `stream`; None where that means nothing."""
    required: tuple[str, ...] = ()
    """Fields without which the body is refused."""
    form: bool = False
    """Whether the body must be a multipart form."""
    names_model: bool = True
    """Whether a POST must say which model it is for."""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))

    def match(self, method: str, path: str) -> Mapping[str, str] | None:
        """The path's variable parts if this is the operation that is called."""
        found = self._pattern.fullmatch(path) if method == self.method else None
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}
