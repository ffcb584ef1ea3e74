"""Accounts: which deployment answers, and what each keeps from the others."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from simulator import Script, Simulator
from simulator.state import KEPT_FILES, File, State
from tests.simulator.conftest import openai_sdk

AZURE_BODY = {"model": "m", "input": "text"}


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/accounts/east/v1/embeddings", "/accounts/east"),
        ("/before/accounts/east/v1/embeddings", "/before/accounts/east"),
        ("/accounts/east/openai/v1/embeddings", "/accounts/east/openai"),
        ("/accounts/east/openai/embeddings?api-version=1", "/accounts/east"),
        ("/accounts/east/openai/deployments/m/embeddings?api-version=1", "/accounts/east"),
        ("/accounts/east/api/v1/openai/deployments/m/embeddings?api-version=1", "/accounts/east/api/v1"),
        ("/accounts/east/compatibility/v1/embeddings", "/accounts/east/compatibility"),
        ("/accounts/east/v1beta/openai/embeddings", "/accounts/east"),
    ],
)
async def test_an_account_answers_whatever_model_is_named(
    simulator: Simulator, client: Any, path: str, prefix: str
) -> None:
    async with client.post(path, AZURE_BODY) as answer:
        assert (answer.status, (await answer.json())["model"]) == (200, "m")
    (received,) = simulator.received("east")
    assert received.prefix == prefix


@pytest.mark.parametrize("name", ["openai", "v1", "accounts", "model", "voyage", "a b/c"])
async def test_an_account_may_have_any_name(simulator: Simulator, name: str) -> None:
    for style in ("azure", "openai"):
        async with openai_sdk(style, simulator.account(name)) as sdk:
            answer = await sdk.embeddings.create(model="m", input="text")
            assert answer.model == "m"
            assert (await sdk.responses.create(model="m", input="text")).output_text.startswith(f"Hello from {name} ")
    assert len(simulator.received(name)) == 4


async def test_an_account_has_scripts_of_its_own(simulator: Simulator, plain: Any) -> None:
    simulator.script("east", Script(status=503))
    for name, status in (("east", 503), ("west", 200)):
        sdk = plain.with_options(base_url=f"{simulator.account(name)}/v1")
        try:
            await sdk.responses.create(model="m", input="text")
        except openai.InternalServerError:
            assert status == 503
        assert simulator.received(name)[0].answered_status == status


@pytest.mark.parametrize("style", ["azure", "openai"])
async def test_what_one_account_stores_no_other_knows(simulator: Simulator, style: str) -> None:
    async with (
        openai_sdk(style, simulator.account("east")) as east,
        openai_sdk(style, simulator.account("west")) as west,
    ):
        response = await east.responses.create(model="m", input="text")
        file = await east.files.create(file=("a.txt", b"{}"), purpose="batch")
        batch = await east.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
        for call in (
            west.responses.retrieve(response.id),
            west.responses.input_items.list(response.id),
            west.responses.cancel(response.id),
            west.responses.delete(response.id),
            west.files.retrieve(file.id),
            west.files.content(file.id),
            west.files.delete(file.id),
            west.batches.retrieve(batch.id),
            west.batches.cancel(batch.id),
        ):
            with pytest.raises(openai.NotFoundError) as refused:
                await call
            assert set(refused.value.body) == {"message", "type", "param", "code"}
        assert [file.id async for file in west.files.list()] == []
        assert [file.id async for file in east.files.list()] == [file.id]


async def test_a_deployment_in_an_azure_path_owns_what_is_made_there(client: Any) -> None:
    path = "/openai/deployments/{}/responses{}?api-version=1"
    async with client.post(path.format("east", ""), {"input": "text"}) as answer:
        made = (await answer.json())["id"]
    for name, status in (("east", 200), ("west", 404)):
        url = client.url + path.format(name, f"/{made}")
        async with client.session.get(url, headers={"api-key": "any"}) as answer:
            assert answer.status == status


async def test_reset_forgets_what_was_stored(simulator: Simulator, plain: Any) -> None:
    made = await plain.responses.create(model="east", input="text")
    simulator.reset()
    with pytest.raises(openai.NotFoundError):
        await plain.responses.retrieve(made.id)


def test_the_oldest_go_first() -> None:
    files = State().files
    for number in range(KEPT_FILES + 1):
        files.put(File("east", {"id": f"file-{number}"}, b""))
    assert files.get("east", "file-0") is None
    assert files.of("east")[-1].value["id"] == "file-1"
