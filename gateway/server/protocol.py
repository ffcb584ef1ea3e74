"""uvicorn's HTTP protocol, lighter: what nearly every request is, it handles itself; all else is left to uvicorn's own.

Of a small request uvicorn's share is twice that of all its system calls. Here a timer is set once for a connection and
not for each of its requests, an event is made when somebody waits for it, and a whole answer leaves in one write.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.server.exchange import Exchange
from gateway.server.known_head import KnownHead
from gateway.server.transport import PatientTransport
from gateway.write_batch import WriteBatch

# So many heads of a connection are remembered in vain, then only one of so many; one that comes again begins it anew.
LESSONS, ONE_OF = 3, 64
# One for each server, so that it ends with the server's event loop.
_batches: WeakKeyDictionary[ServerState, WriteBatch] = WeakKeyDictionary()


# A client's pool should be the one that lets go of an idle connection: a server that does it races with the next call.
KEEP_ALIVE_SECONDS = 75


def server_config(app: Any, **more: Any) -> Config:
    """uvicorn as it serves the gateway, wherever that is: this protocol, and no word of its own in answers or logs."""
    return Config(
        app,
        http=LightProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        **more,
    )


class LightProtocol(HttpToolsProtocol):
    """Give it to uvicorn as `http`."""

    # In the loop's time: since when the connection rests; None while it does not.
    _rests_since: float | None = None
    # The head of a request that came here; how many more are looked at, while none comes again.
    _known: KnownHead | None = None
    _lessons = LESSONS
    # How many requests have begun, and whether the last one has not come whole; the scope of one that might come again.
    _begun = 0
    _within = False
    _plain: Any = None

    def connection_made(self, transport: Any) -> None:
        """A connection came."""
        super().connection_made(transport)
        batch = _batches.setdefault(self.server_state, WriteBatch())
        self.transport = PatientTransport(transport, batch)  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Some bytes came: mostly one request, and all of it."""
        if self._within:
            super().data_received(data)
        elif self._known is None or not self._is_known(data):
            begun, self._plain, self._known = self._begun, None, None
            super().data_received(data)
            if self._plain is None or self._begun != begun + 1 or self._within:
                return
            if self._lessons or self._begun % ONE_OF == 0:
                self._lessons = max(0, self._lessons - 1)
                self._known = KnownHead.of(data, self._plain)

    def _is_known(self, data: bytes) -> bool:
        """Whether this is one request, whose head came before; then it is on its way."""
        assert self._known is not None
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        request = self._known.read(data, self.app_state.copy())
        if request is None:
            return False
        self._lessons = LESSONS
        self._rests_since = None
        self.scope, body = request  # type: ignore[assignment]
        self.cycle = exchange = Exchange(self, keep_alive=True)
        exchange.has_come(body)
        self._start_asgi_task(exchange, self.app)
        return True

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._begun += 1
        self._within = True

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        super().on_message_complete()
        self._within = False

    def on_headers_complete(self) -> None:
        """A request's head is here."""
        url, parser = self.url, self.parser
        if b"%" in url or url[:1] != b"/" or not url.isascii() or parser.should_upgrade() or self.root_path:
            super().on_headers_complete()
            return
        path, _, query = url.partition(b"?")
        version, scope = parser.get_http_version(), self.scope
        scope["http_version"] = version
        scope["method"] = parser.get_method().decode()
        scope["path"] = path.decode()
        scope["raw_path"] = path
        scope["query_string"] = query
        keep_alive = version != "1.0" and parser.should_keep_alive()
        self._plain = scope if keep_alive else None
        before, self.cycle = self.cycle, Exchange(self, keep_alive=keep_alive)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_response_complete(self) -> None:
        """An answer is out: the next request's turn, or rest."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._rests_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self._look_at_rest)

    def _look_at_rest(self) -> None:
        """Close what has rested long enough; look again when the rest of now will be."""
        self.timeout_keep_alive_task = None
        if self._rests_since is None:
            return
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self._look_at_rest)

    def _unset_keepalive_if_required(self) -> None:
        # Called when something comes. The timer runs on, and finds out when it rings.
        self._rests_since = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)
