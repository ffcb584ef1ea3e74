"""What is prepared once, and for whom."""

from __future__ import annotations

import pytest

from gateway import __version__
from gateway.openai.operations import BY_NAME
from gateway.upstream.identity import IdentityUnavailable
from gateway.upstream.target import Call, Targets
from tests.builders import deployment

OWN = f"user-agent: roundhouse/{__version__}\r\naccept-encoding: identity\r\n".encode()


class Tokens:
    """A new token each time."""

    def __init__(self):
        self.given = 0

    async def bearer(self, *_):
        self.given += 1
        return f"token{self.given}"


@pytest.fixture
def targets():
    return Targets("2024-10-21", Tokens(), Tokens())


def chat(query="", **options):
    return Call(BY_NAME["chat"], "POST", "chat/completions", query, b"{}", b"", None, **options)


async def test_a_deployments_own_lines_are_made_once(targets):
    east = deployment("east", endpoint_key="k")
    assert targets.known_lines(east, chat()) is None
    lines = await targets.own_lines(east, chat())
    assert lines == OWN + b"api-key: k\r\n"
    assert targets.known_lines(east, chat()) is lines
    targets.forget()
    assert targets.known_lines(east, chat()) is None


async def test_what_was_prepared_for_a_deployment_is_not_used_for_its_successor(targets):
    old = deployment("east", endpoint_key="old", endpoint_url="http://old", resource_name="")
    new = deployment("east", endpoint_key="new", endpoint_url="http://new", resource_name="")
    for made in (old, new, old):
        call = chat()
        assert f"api-key: {made.endpoint_key}\r\n".encode() in await targets.own_lines(made, call)
        assert targets.url(made, call).host == made.endpoint_key
        assert targets.url(made, call) is targets.url(made, call)


@pytest.mark.parametrize(
    ("provider", "operation", "header"),
    [
        ("openai", "chat", b"authorization: Bearer k\r\n"),
        ("anthropic", "chat", b"x-api-key: k\r\n"),
        ("gemini", "chat", b"authorization: Bearer k\r\n"),
        ("gemini", "gemini", b"x-goog-api-key: k\r\n"),
    ],
)
async def test_each_provider_is_told_the_key_in_its_own_way(targets, provider, operation, header):
    made = deployment("east", provider=provider, endpoint_key="k")
    for _ in range(2):
        assert await targets.own_lines(made, Call(BY_NAME[operation], "POST", "p", "", b"", b"", None)) == OWN + header


async def test_tokens_are_asked_for_with_each_call(targets):
    vertex = deployment("v", provider="vertex", endpoint_key="{}", endpoint_url="https://v")
    entra = deployment("e", auth="managed_identity", endpoint_key="")
    for number in (1, 2):
        for made in (vertex, entra):
            assert await targets.own_lines(made, chat()) == OWN + b"authorization: Bearer token%d\r\n" % number


async def test_without_a_key_none_is_sent(targets):
    assert await targets.own_lines(deployment("v", provider="vllm", endpoint_key=""), chat()) == OWN


@pytest.mark.parametrize("key", ["k\r\nx: y", "k\n", "→"])
async def test_a_key_that_is_no_header_is_told_without_it(targets, key):
    with pytest.raises(IdentityUnavailable, match="can't be sent") as caught:
        await targets.own_lines(deployment("east", endpoint_key=key), chat())
    assert key not in str(caught.value)


def test_an_address_that_is_used_once_is_not_kept(targets):
    east = deployment("east")
    assert targets.url(east, chat(query="a=b")).target.endswith("?api-version=2024-10-21&a=b")
    targets.url(east, chat(names_thing=True))
    assert not targets._addresses
