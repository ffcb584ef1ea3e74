"""What providers' APIs differ in besides their operations: credentials, errors, headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from simulator.record import Received
from simulator.wire import Json

_ACCESS_KEY = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/.*\bSignedHeaders=\S.*\bSignature=\w")


class Refusal(Exception):
    """Why a request is not answered well. Without a message the API's usual one for the status is given."""

    def __init__(
        self, status: int, message: str | None = None, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's API, or one way to speak to it."""

    name: str
    error: Callable[[Refusal], Json]
    """The body of an error."""
    headers: Callable[[str, Refusal | None], dict[str, str]]
    """An answer's own headers, by the call's id and, for an error, what it refuses."""
    timing_header: str = ""
    """The header that tells how many milliseconds an answer took to make."""
    key_headers: tuple[bytes, ...] = ()
    """Headers that may hold the key, besides the bearer token that every API takes."""
    key_parameter: str = ""
    """The query parameter that may hold the key."""
    signed: bool = False
    """Whether a request may be signed with an AWS access key instead; the signature is taken on trust."""
    incomplete: Callable[[Received], Refusal | None] = lambda received: None
    """What is wrong with a request that does not say which version of the API it means."""
    keyless: Refusal = field(default_factory=lambda: Refusal(401))
    """The answer to a request without any credential."""
    wrong_key: Refusal = field(default_factory=lambda: Refusal(401))
    """The answer to a request with another key than the script demands."""

    def credentials(self, received: Received) -> Iterator[tuple[str, str]]:
        """What a request brings that this API looks at: (`bearer`, `sigv4`, `query` or the header's name, the key)."""
        for name in self.key_headers:
            if key := received.header(name):
                yield name.decode(), key
        given = received.header(b"authorization")
        if given[:7].lower() == "bearer " and (key := given[7:].strip()):
            yield "bearer", key
        elif self.signed and (signed := _ACCESS_KEY.match(given)):
            yield "sigv4", signed[1]
        if self.key_parameter:
            yield from (("query", key) for key in parse_qs(received.query).get(self.key_parameter, ()))
