"""Every operation through OpenAI's real SDK, on an Azure and on an OpenAI-compatible deployment."""

from __future__ import annotations

import base64
import io

import openai
import pytest

from gateway.app import create_app
from gateway.settings import Settings
from tests.server import ENCRYPTION_KEY, serving

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
KINDS = ("azure", "openai_compatible")


async def register(product, kind, operation_class, *operations, name="east"):
    """Register a deployment of a class with the simulated account of that name."""
    account = f"{product.simulator.url}/accounts/{name}"
    fields = {"deployment_class": operation_class, "operations": operations, "provider": kind}
    url = account if kind == "azure" else account + "/v1"
    await product.register(name, **fields, endpoint_url=url)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


# The SDK calls variations and translations old; people still send them.
OLD = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


@OLD
async def test_images_are_edited_and_varied(product, client, kind):
    await register(product, kind, "openai-images-edits", "image_edit")
    edited = await client.images.edit(model="m", image=("a.png", PNG, "image/png"), prompt="a dot")
    assert base64.b64decode(edited.data[0].b64_json).startswith(b"\x89PNG")
    varied = await client.images.create_variation(
        model="m", image=("a.png", PNG, "image/png"), response_format="b64_json"
    )
    assert varied.data[0].b64_json


async def test_pictures_stream_as_they_become_clear(product, client, kind):
    await register(product, kind, "openai-images-generations", "image_generation")
    await register(product, kind, "openai-images-edits", "image_edit", name="west")
    for stream in (
        await client.images.generate(model="m", prompt="a dot", stream=True, partial_images=1),
        await client.images.edit(model="m", image=("a.png", PNG, "image/png"), prompt="a dot", stream=True),
    ):
        events = [event async for event in stream]
        assert events[-1].type.endswith(".completed")
        assert events[-1].b64_json


async def test_completions_stream(product, client, kind):
    await register(product, kind, "openai-completions", "completion")
    stream = await client.completions.create(model="m", prompt="ping", stream=True)
    assert "east" in "".join([chunk.choices[0].text async for chunk in stream if chunk.choices])


async def test_sound_becomes_text(product, client, kind):
    await register(product, kind, "openai-audio-transcriptions", "audio_transcription")
    sound = io.BytesIO(b"RIFF" + b"x" * 3_000_000)
    text = await client.audio.transcriptions.create(model="m", file=("a.wav", sound, "audio/wav"))
    assert text.text
    events = [
        event.type
        async for event in await client.audio.transcriptions.create(
            model="m", file=("a.wav", b"RIFFxx", "audio/wav"), stream=True
        )
    ]
    assert events[-1] == "transcript.text.done"


@OLD
async def test_sound_is_translated(product, client, kind):
    await register(product, kind, "openai-audio-translations", "audio_translation")
    assert (await client.audio.translations.create(model="m", file=("a.wav", b"RIFFxx", "audio/wav"))).text


async def test_text_becomes_sound_as_it_comes(product, client, kind):
    await register(product, kind, "openai-audio-speech", "audio_speech")
    async with client.audio.speech.with_streaming_response.create(model="m", voice="alloy", input="hello") as answer:
        assert answer.headers["content-type"].startswith("audio/")
        assert b"".join([chunk async for chunk in answer.iter_bytes()])


async def test_text_is_moderated(product, client):
    await register(product, "openai_compatible", "openai-moderations", "moderation")
    assert (await client.moderations.create(model="m", input="hello")).results


@pytest.mark.parametrize("path", ["/rerank", "/../v2/rerank"])
async def test_documents_are_reranked(product, client, path):
    await register(product, "openai_compatible", "openai-rerank", "rerank")
    url = product.url + ("/v2/rerank" if "v2" in path else "/v1/rerank")
    body = {"model": "m", "query": "cat", "documents": ["dog", "cat"]}
    answer = await client.post(url, body=body, cast_to=object)
    assert len(answer["results"]) == 2


async def test_responses_are_made_streamed_read_cancelled_and_deleted(product, client, kind):
    await register(product, kind, "openai-responses", "response")
    made = await client.responses.create(model="m", input="hello")
    assert made.output_text
    streamed = [event async for event in await client.responses.create(model="m", input="hello", stream=True)]
    assert streamed[-1].type == "response.completed"
    assert streamed[0].response.id == streamed[-1].response.id != made.id
    assert (await client.responses.retrieve(made.id)).id == made.id
    assert (await client.responses.input_items.list(made.id)).data
    background = await client.responses.create(model="m", input="hello", background=True)
    assert (await client.responses.cancel(background.id)).id == background.id
    await client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(made.id)


async def test_a_conversation_stays_at_the_deployment_that_began_it(product, client, kind):
    for name in ("east", "west", "north"):
        await register(product, kind, "openai-responses", "response", name=name)
    first = await client.responses.create(model="m", input="one")
    ids = [first.id]
    for text in ("two", "three", "four"):
        ids.append((await client.responses.create(model="m", input=text, previous_response_id=ids[-1])).id)
    assert len({received.path.split("/accounts/")[1].split("/")[0] for received in product.simulator.received()}) == 1
    assert len(set(ids)) == 4


async def test_a_response_of_one_instance_is_continued_on_another_after_both_were_restarted(product, client):
    for name in ("east", "west", "north"):
        await register(product, "azure", "openai-responses", "response", name=name)
    ids = [(await client.responses.create(model="m", input="one")).id for _ in range(3)]
    for _ in range(2):
        restarted = create_app(Settings(encryption_key=ENCRYPTION_KEY), product.tables)
        async with (
            serving(restarted) as url,
            openai.AsyncOpenAI(base_url=url + "/v1", api_key=product.api_key, max_retries=0) as other,
        ):
            ids = [(await other.responses.create(model="m", input="two", previous_response_id=each)).id for each in ids]
    homes = [received.path.split("/accounts/")[1].split("/")[0] for received in product.simulator.received()]
    assert homes[:3] == homes[3:6] == homes[6:9]
    assert len(set(homes[:3])) == 3


async def test_files_and_batches_live_at_one_deployment_and_are_listed(product, client, kind):
    for name in ("east", "west"):
        await register(product, kind, "openai-batch", "batch", "file", name=name)
    line = b'{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}\n'
    files = [await client.files.create(file=("in.jsonl", line * 500), purpose="batch") for _ in range(2)]
    batches = [
        await client.batches.create(input_file_id=each.id, endpoint="/v1/chat/completions", completion_window="24h")
        for each in files
    ]
    assert (await client.batches.cancel(batches[0].id)).status == "cancelling"
    assert [each.input_file_id for each in batches] == [each.id for each in files]
    for made, again in zip(batches, [await client.batches.retrieve(each.id) for each in batches], strict=True):
        assert again.id == made.id
    assert {each.id for each in (await client.files.list()).data} == {each.id for each in files}
    assert {each.id for each in (await client.batches.list()).data} == {each.id for each in batches}
    assert (await client.files.content(files[0].id)).content == line * 500
    done = await client.batches.retrieve(batches[1].id)
    assert (await client.files.content(done.output_file_id)).content
    assert (await client.files.delete(files[1].id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve(files[1].id)
    assert [each.id for each in (await client.files.list()).data] == [files[0].id]


@pytest.mark.parametrize("call", ["file-abc", "file-rh1" + "0" * 28 + "abc"])
async def test_an_unknown_file_is_404_and_calls_nobody(product, client, call):
    await register(product, "azure", "openai-batch", "batch", "file")
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve(call)
    assert product.simulator.received() == []


async def test_azures_client_reaches_what_is_not_bound_to_a_deployment(product):
    await register(product, "azure", "openai-responses", "response")
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=product.url, api_key=product.api_key, api_version="2025-03-01-preview", max_retries=0
    ) as client:
        made = await client.responses.create(model="m", input="hello")
        assert (await client.responses.retrieve(made.id)).id == made.id
