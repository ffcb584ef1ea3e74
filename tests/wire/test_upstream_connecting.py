"""Names, addresses, TCP and TLS, until a request can be sent."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.upstream.request_head import Address
from gateway.upstream.session import ConnectionFailed, UpstreamSession
from tests.wire.hostile import OK, forever, saying, serving, soon, whole


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost and 127.0.0.1 that vouches for itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    unencrypted, form = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, form, unencrypted) + signed.public_bytes(pem))
    return path


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.server_names = []
    context.sni_callback = lambda _, name, __: context.server_names.append(name)
    return context


@pytest.fixture
def trusted(certificate, monkeypatch):
    """The system's roots are this certificate alone."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.mark.parametrize(("name", "told"), [("localhost", ["localhost"]), ("127.0.0.1", [None])])
async def test_tls_is_verified_names_the_host_and_is_kept(session, tls, trusted, name, told):
    tls.set_alpn_protocols(["h2", "http/1.1"])
    async with serving(forever, tls=tls, name=name) as server:
        for _ in range(3):
            assert await whole(await session.send("POST", server.address, b"", b"{}")) == b"ok"
        large = b"x" * 3_000_000
        assert await whole(await session.send("POST", server.address, b"", large)) == b"ok"
        assert server.requests[-1][1] == large
        assert len(server.connections) == 1
        assert server.connections[0].get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    assert tls.server_names == told


async def test_a_certificate_that_nobody_vouches_for_is_refused(session, tls):
    async with serving(forever, tls=tls, name="localhost") as server:
        with pytest.raises(ConnectionFailed, match=r"can't connect to localhost:\d+: certificate verify failed: self"):
            await session.send("POST", server.address, b"api-key: secret\r\n", b"{}")
    assert not server.requests


async def test_a_certificate_of_another_host_is_refused(session, tls, trusted):
    async with serving(forever, host="127.0.0.2", tls=tls) as server:
        with pytest.raises(ConnectionFailed, match="certificate verify failed: IP address mismatch"):
            await session.send("POST", server.address, b"", b"{}")
    assert not server.requests


async def test_a_server_that_speaks_no_tls_is_a_failure(session):
    async def serve(server, reader, writer):
        await reader.read(10)
        writer.write(OK)

    async with serving(serve) as server:
        address = Address.parse(f"https://127.0.0.1:{server.address.port}/")
        with pytest.raises(ConnectionFailed, match=r"can't connect to 127\.0\.0\.1:\d+: TLS failed"):
            await session.send("POST", address, b"", b"{}")


async def test_a_kept_tls_connection_that_breaks_is_nobodys_failure(session, tls, trusted):
    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(OK)
        await reader.read(1)

    async with serving(serve, tls=tls) as server:
        for _ in range(2):
            assert await whole(await session.send("POST", server.address, b"", b"{}")) == b"ok"
        assert len(server.connections) == 2


async def test_an_answer_over_tls_that_is_given_up_closes_its_connection(session, tls, trusted):
    async with serving(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"), tls=tls) as server:
        answer = await session.send("POST", server.address, b"", b"{}")
        assert await answer.chunk() == b"short"
        answer.close()
        await soon(lambda: not session._pool._open)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refused_connection_is_told_without_secrets(session, scheme):
    address = Address.parse(f"{scheme}://127.0.0.1:1/x?api-version=secret")
    with pytest.raises(ConnectionFailed) as caught:
        await session.send("POST", address, b"api-key: secret\r\n", b"")
    assert str(caught.value) == "can't connect to 127.0.0.1:1: Connection refused"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 503 Full\r\ncontent-length: 0\r\n\r\n", b"220 smtp\r\n"])
async def test_an_upstream_that_does_not_wait_for_a_request_never_leaves_a_call_hanging(session, said):
    async def serve(server, reader, writer):
        writer.write(said)

    async with serving(serve) as server:
        for _ in range(20):
            # Which of them comes first is chance; an answer that is one may be taken for one.
            with contextlib.suppress(ConnectionFailed):
                async with asyncio.timeout(0.5):
                    answer = await session.send("POST", server.address, b"", b"{}")
                assert answer.status == 503
                await whole(answer)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 70])
async def test_a_name_that_is_none_is_a_failure(session, host):
    with pytest.raises(ConnectionFailed, match="can't connect to"):
        await session.send("POST", Address.parse(f"http://{host}/"), b"", b"")


async def test_a_handshake_that_takes_too_long_is_given_up():
    closed = asyncio.Event()

    async def serve(server, reader, writer):
        while await reader.read(1000):
            pass
        closed.set()

    session = UpstreamSession(connect_seconds=0.1)
    async with serving(serve) as server:
        address = Address.parse(f"https://127.0.0.1:{server.address.port}/")
        with pytest.raises(ConnectionFailed, match=r"no connection in 0\.1 s"):
            await session.send("POST", address, b"", b"{}")
        await asyncio.wait_for(closed.wait(), 1)
    await session.close()


async def test_cancelled_while_it_connects_a_call_leaves_nothing_behind(session, tls, trusted):
    async with serving(forever, tls=tls) as server:
        for turns in range(30):
            call = asyncio.create_task(session.send("POST", server.address, b"", b"{}"))
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            call.cancel()
            try:
                answer = await call
            except asyncio.CancelledError:
                continue
            await whole(answer)
        await soon(lambda: set(session._pool._idle.get(server.address.origin, [])) == session._pool._open)


async def test_an_ipv6_address_is_spoken_to_in_brackets(session):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    async with serving(forever, host="::1") as server:
        assert await whole(await session.send("POST", server.address, b"", b"{}")) == b"ok"
        assert b"host: [::1]:%d\r\n" % server.address.port in server.requests[0][0]


async def test_an_address_that_does_not_answer_holds_up_the_next_one_only_briefly(session, monkeypatch):
    loop = asyncio.get_running_loop()
    looked_up = []
    silent = socket.create_server(("127.0.0.3", 0), backlog=0)
    port = silent.getsockname()[1]
    # A full backlog: whoever connects gets no answer.
    stuffing = [socket.socket() for _ in range(4)]
    for each in stuffing:
        each.setblocking(False)
        each.connect_ex(silent.getsockname())

    async def two_addresses(host, wanted, **_):
        looked_up.append(host)
        tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*tcp, ("127.0.0.3", port)), (*tcp, ("127.0.0.1", wanted))]

    names = type("Names", (), {"look_up": staticmethod(two_addresses), "forget": lambda *_: None})()
    monkeypatch.setattr(session._dialer, "_names", names)
    async with serving(forever) as server:
        address = Address.parse(f"http://two.example:{server.address.port}/")
        began = loop.time()
        assert await whole(await session.send("POST", address, b"", b"{}")) == b"ok"
        assert 0.2 < loop.time() - began < 0.9
    assert looked_up == ["two.example"]
    for each in (silent, *stuffing):
        each.close()
