"""Finds the function that the host's router would choose for a path: the most specific route that matches."""

from collections.abc import Mapping

CATCH_ALL = "{*"


class NoRoute(LookupError):
    """No function has a route for the path: the host would answer 404 itself."""


def choose(routes: Mapping[str, str], path: str) -> tuple[str, dict[str, str]]:
    """Of `routes`, {function: route}, the function for `path`, and its route parameters."""
    matches = [(function, found) for function, route in routes.items() if (found := _match(route, path)) is not None]
    if not matches:
        raise NoRoute(path)
    return max(matches, key=lambda match: _literal_segments(routes[match[0]]))


def _match(route: str, path: str) -> dict[str, str] | None:
    wanted, given = route.split("/"), path.strip("/").split("/")
    if wanted[-1].startswith(CATCH_ALL):
        literal = len(wanted) - 1
        return {wanted[-1].strip("{*}"): "/".join(given[literal:])} if wanted[:-1] == given[:literal] else None
    return {} if wanted == given else None


def _literal_segments(route: str) -> int:
    return sum(not segment.startswith(CATCH_ALL) for segment in route.split("/"))
