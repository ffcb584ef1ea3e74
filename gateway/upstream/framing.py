"""Where an answer begins and ends, and what it says: httptools' parser, held to what is safe. No I/O."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

# More than this, of headers or of anything else that is no body, is no answer.
HEAD_BYTES = 64 * 1024
HEAD_FIELDS = 256
# A peer that says how long it keeps a connection is taken to close it this much sooner.
MARGIN_SECONDS = 1.0


class Malformed(Exception):
    """What came is no answer that could be trusted; the text is safe to log."""


class AnswerParser:
    """Reads the answers of one connection, one after another: `begin`, then `feed` until `over`.

    head: whether status and headers are here; of interim answers (1xx) nothing is shown. headers: raw pairs, as they
    came. named: the first value of each name in lower case. delimited: whether the body's end can be told from a cut.
    parts: the body's bytes, for the consumer to take away; body_bytes: how many came so far. over: the answer is here
    whole. reusable: another request may follow on the connection. idle_seconds: how long that may rest, by the peer.
    """

    __slots__ = (
        *("_bodiless", "_fed", "_interim", "_parser", "body_bytes", "delimited", "head", "headers", "idle_seconds"),
        *("named", "over", "parts", "reusable", "status"),
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.begin("GET")

    def begin(self, method: str) -> None:
        """The next answer is one to a request of this method."""
        self._bodiless = method == "HEAD"
        self._interim = self.head = self.over = self.delimited = self.reusable = False
        self._fed = self.body_bytes = self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.named: dict[bytes, bytes] = {}
        self.parts: list[bytes] = []
        self.idle_seconds: float | None = None

    def feed(self, data: bytes) -> None:
        """Read what arrived. Raises Malformed; bytes that follow a whole answer only make the connection unusable."""
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.over:
                cause = error.__context__
                raise Malformed(str(cause) if isinstance(cause, Malformed) else "malformed answer") from error
            self.reusable = False
        if self._fed > HEAD_BYTES and not self.over:
            raise Malformed("endless headers")

    def end(self) -> bool:
        """The peer will send no more: whether the answer is whole, as one that only this can end."""
        self.over = self.over or (self.head and not self.delimited)
        return self.over

    # What follows is called by httptools; what it raises stops the parser.

    def on_message_begin(self) -> None:
        """The first byte of an answer."""
        if self.over:
            raise Malformed("an answer that was not asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody reads."""
        if self.head:
            return
        if len(self.headers) >= HEAD_FIELDS:
            raise Malformed("too many headers")
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The end of a head."""
        parser = self._parser
        status = parser.get_status_code()
        version = parser.get_http_version()
        if version not in ("1.1", "1.0") or status < 100 or status == 101:
            raise Malformed("an answer in another protocol")
        if status < 200:
            self._interim = True
            return
        headers = self.headers
        if self._fed > HEAD_BYTES and sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES:
            raise Malformed("endless headers")
        self.status = status
        named = self.named = {name.lower(): value for name, value in reversed(headers)}
        self.reusable = parser.should_keep_alive()
        # llhttp refuses what RFC 9112 section 6.3 calls an attack: two lengths, or a length beside a coding.
        coding = named.get(b"transfer-encoding")
        length = named.get(b"content-length")
        if coding is not None:
            twice = len(named) != len(headers) and [name.lower() for name, _ in headers].count(b"transfer-encoding") > 1
            if coding.lower() != b"chunked" or twice:
                raise Malformed("an unknown transfer coding")
            self.reusable = self.reusable and version == "1.1"
        self.head = True
        self.delimited = coding is not None or length is not None
        if self._bodiless or status in (204, 304):
            self.delimited = self.over = True
            # A peer that names a length here may well send it, too: what would be read then belongs to nobody.
            self.reusable = self.reusable and coding is None and (length is None or not length.strip(b"0"))
        if b"keep-alive" in named:
            self.idle_seconds = _timeout(named[b"keep-alive"])

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        if self.over:
            raise Malformed("a body that was not asked for")
        self._fed = 0
        self.body_bytes += len(data)
        self.parts.append(data)

    def on_message_complete(self) -> None:
        """The end of an answer that says where it ends."""
        if self._interim:
            self._interim = False
            self.headers = []
        else:
            self.over = True


def _timeout(keep_alive: bytes) -> float | None:
    """The seconds of `keep-alive: timeout=5, max=100`, less a margin."""
    for field in keep_alive.split(b","):
        name, _, number = field.strip().partition(b"=")
        if name.lower() == b"timeout" and number.isdigit():
            return max(0.0, int(number[:9]) - MARGIN_SECONDS)
    return None
