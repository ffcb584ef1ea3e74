"""Which metadata a search wants: a filter in JSON, read once, asked of every match."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from gateway.errors import InvalidRequest

Metadata = Mapping[str, Any]
Wanted = Callable[[Metadata], bool]

# A filter is asked of up to a hundred thousand objects.
MOST_CONDITIONS = 64
DEEPEST = 8

_MISSING = object()
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda value, limit: bool(value > limit),
    "$gte": lambda value, limit: bool(value >= limit),
    "$lt": lambda value, limit: bool(value < limit),
    "$lte": lambda value, limit: bool(value <= limit),
}
_OPERATORS = ("$eq", "$ne", "$in", "$nin", *_COMPARISONS, "$exists", "$not")


def read_filter(given: Mapping[str, Any]) -> Wanted:
    """What tells whether metadata is wanted. All conditions of an object must hold.

    `{"field": value}` or `{"field": {operator: value}}`; `$and` and `$or` take lists of filters, `$not` takes one.
    Raises InvalidRequest, which names the place and what would be right.
    """
    return _Reader().all_of(given, "filter", 0)


class _Reader:
    """Reads one filter, and counts its conditions."""

    def __init__(self) -> None:
        self._conditions = 0

    def all_of(self, given: Any, place: str, depth: int) -> Wanted:
        if not isinstance(given, Mapping):
            raise _wrong(place, "must be an object of conditions")
        if depth > DEEPEST:
            raise _wrong(place, f"is nested deeper than {DEEPEST} times")
        return _every([self._condition(name, value, f"{place}.{name}", depth) for name, value in given.items()])

    def _condition(self, name: str, value: Any, place: str, depth: int) -> Wanted:
        if name in ("$and", "$or"):
            if not isinstance(value, list) or not value:
                raise _wrong(place, "must be a list of one or more filters")
            parts = [self.all_of(each, f"{place}[{number}]", depth + 1) for number, each in enumerate(value)]
            return _every(parts) if name == "$and" else _some(parts)
        if name == "$not":
            return _opposite(self.all_of(value, place, depth + 1))
        if name.startswith("$"):
            raise _wrong(place, "is no operator here; known are $and, $or and $not")
        return self._of_field(name, value, place, depth)

    def _of_field(self, name: str, value: Any, place: str, depth: int) -> Wanted:
        if not (isinstance(value, Mapping) and any(key.startswith("$") for key in value)):
            value = {"$eq": value}
        if depth > DEEPEST:
            raise _wrong(place, f"is nested deeper than {DEEPEST} times")
        return _every([self._operator(name, key, each, f"{place}.{key}", depth) for key, each in value.items()])

    def _operator(self, name: str, operator: str, value: Any, place: str, depth: int) -> Wanted:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise _wrong("filter", f"must have at most {MOST_CONDITIONS} conditions")
        if operator == "$not":
            return _opposite(self._of_field(name, value, place, depth + 1))
        if operator in ("$eq", "$ne"):
            found = _any_of(name, [value])
            return found if operator == "$eq" else _opposite(found)
        if operator in ("$in", "$nin"):
            if not isinstance(value, list):
                raise _wrong(place, "must be a list of values")
            found = _any_of(name, value)
            return found if operator == "$in" else _opposite(found)
        if operator in _COMPARISONS:
            return _comparison(name, operator, value, place)
        if operator == "$exists":
            if not isinstance(value, bool):
                raise _wrong(place, "must be true or false")
            return lambda metadata: (name in metadata) is value
        raise _wrong(place, f"is no operator; known are {', '.join(_OPERATORS)}")


def _every(parts: list[Wanted]) -> Wanted:
    return parts[0] if len(parts) == 1 else lambda metadata: all(part(metadata) for part in parts)


def _some(parts: list[Wanted]) -> Wanted:
    return lambda metadata: any(part(metadata) for part in parts)


def _opposite(part: Wanted) -> Wanted:
    return lambda metadata: not part(metadata)


def _any_of(name: str, values: list[Any]) -> Wanted:
    wanted = {_same(value) for value in values}

    def found(metadata: Metadata) -> bool:
        value = metadata.get(name, _MISSING)
        return value is not _MISSING and _same(value) in wanted

    return found


def _comparison(name: str, operator: str, limit: Any, place: str) -> Wanted:
    kinds: tuple[type, ...] = (str,) if isinstance(limit, str) else (int, float)
    if not isinstance(limit, str | int | float) or isinstance(limit, bool):
        raise _wrong(place, "must be a number or a string")
    compare = _COMPARISONS[operator]

    def found(metadata: Metadata) -> bool:
        value = metadata.get(name)
        return isinstance(value, kinds) and not isinstance(value, bool) and compare(value, limit)

    return found


def _same(value: Any) -> Hashable:
    """What two values have in common exactly if they are equal in JSON, where true is not 1 and 1 is 1.0."""
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, list):
        return ("list", tuple(map(_same, value)))
    if isinstance(value, Mapping):
        return ("object", frozenset((key, _same(each)) for key, each in value.items()))
    return value  # type: ignore[no-any-return]


def _wrong(place: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{place[:200]} {rule}.", param=place[:200])
