"""Names that are looked up, and how seldom."""

from __future__ import annotations

import asyncio
import socket

from gateway.upstream.names import KEPT_SECONDS, Names

FOUND = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))


def names_with(monkeypatch):
    asked = []

    async def look_up(host, port, **_):
        asked.append(host)
        await asyncio.sleep(0)
        if host == "gone.example":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [FOUND]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    return Names(), asked


async def test_a_burst_looks_a_name_up_once(monkeypatch):
    names, asked = names_with(monkeypatch)
    found = await asyncio.gather(*(names.look_up("h.example", 80) for _ in range(20)))
    assert found == [[FOUND]] * 20
    assert asked == ["h.example"]


async def test_what_was_found_is_kept_for_some_seconds_or_until_it_does_not_help(monkeypatch):
    names, asked = names_with(monkeypatch)
    now = 1000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    await names.look_up("h.example", 80)
    now += KEPT_SECONDS - 0.1
    await names.look_up("h.example", 80)
    assert len(asked) == 1
    now += 0.2
    await names.look_up("h.example", 80)
    assert len(asked) == 2
    names.forget("h.example", 80)
    names.forget("never.example", 80)
    await names.look_up("h.example", 80)
    assert len(asked) == 3


async def test_a_failure_is_everybodys_and_is_not_kept(monkeypatch):
    names, asked = names_with(monkeypatch)
    results = await asyncio.gather(*(names.look_up("gone.example", 80) for _ in range(2)), return_exceptions=True)
    assert all(isinstance(each, socket.gaierror) for each in results)
    assert len(asked) == 2


async def test_an_ip_address_is_not_looked_up(monkeypatch):
    names, asked = names_with(monkeypatch)
    for host in ("127.0.0.1", "::1"):
        ((*_, where),) = await names.look_up(host, 80)
        assert where[:2] == (host, 80)
    assert not asked
