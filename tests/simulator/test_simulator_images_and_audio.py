"""Images, audio and moderations, as the real OpenAI SDK sends and reads them."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

import aiohttp
import openai
import pytest

from simulator import Script, Simulator

RECORDING = ("speech.wav", b"RIFF" + bytes(47_996), "audio/wav")


async def test_images_are_edited(simulator: Simulator, sdk: Any) -> None:
    answer = await sdk.images.edit(model="m", image=[b"one", b"two"], prompt="a dot", n=2)
    assert len(answer.data) == 2
    assert answer.data[0].revised_prompt == "Drawn by east: a dot"
    assert (answer.usage.input_tokens_details.image_tokens, answer.usage.total_tokens) == (2, 6)
    (received,) = simulator.received("east")
    pictures = [part for part in received.parts if part.filename is not None]
    assert [(part.name, part.content) for part in pictures] == [("image[]", b"one"), ("image[]", b"two")]


async def test_edits_and_generations_stream_partial_images(sdk: Any) -> None:
    edits = await sdk.images.edit(model="m", image=b"one", prompt="a dot", stream=True, partial_images=2)
    generations = await sdk.images.generate(model="m", prompt="a dot", stream=True, partial_images=1)
    edited = [event async for event in edits]
    assert [event.type for event in edited] == [*["image_edit.partial_image"] * 2, "image_edit.completed"]
    assert [event.partial_image_index for event in edited[:2]] == [0, 1]
    assert edited[-1].usage.output_tokens == 1
    generated = [event.type async for event in generations]
    assert generated == ["image_generation.partial_image", "image_generation.completed"]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
async def test_images_are_varied_without_a_prompt(sdk: Any) -> None:
    answer = await sdk.images.create_variation(model="m", image=b"one", n=3)
    assert [drawn.revised_prompt for drawn in answer.data] == [None] * 3


async def test_pictures_are_as_large_as_a_script_says(simulator: Simulator, sdk: Any) -> None:
    simulator.script("east", Script(chunk_bytes=100_000))
    answer = await sdk.images.edit(model="m", image=b"one", prompt="a dot")
    assert len(answer.data[0].b64_json) == 100_000


@pytest.mark.parametrize(
    ("response_format", "starts"),
    [
        ("text", "Hello from east"),
        ("srt", "1\n00:00:00,000 --> 00:00:03,000\nHello from east"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:03.000\nHello from east"),
    ],
)
async def test_transcriptions_come_as_text(sdk: Any, response_format: Any, starts: str) -> None:
    answer = await sdk.audio.transcriptions.create(model="m", file=RECORDING, response_format=response_format)
    assert answer.startswith(starts)


async def test_transcriptions_come_as_json(sdk: Any) -> None:
    short = await sdk.audio.transcriptions.create(model="m", file=RECORDING)
    assert (short.text, short.usage.total_tokens) == ("Hello from east at your service.", 9)
    long = await sdk.audio.transcriptions.create(
        model="m", file=RECORDING, response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert (long.duration, long.segments[0].text, long.words[1].word) == (3.0, short.text, "from")


async def test_transcriptions_stream_their_text(sdk: Any) -> None:
    events = [event async for event in await sdk.audio.transcriptions.create(model="m", file=RECORDING, stream=True)]
    *deltas, done = events
    assert {delta.type for delta in deltas} == {"transcript.text.delta"}
    assert (done.type, done.text) == ("transcript.text.done", "".join(delta.delta for delta in deltas))
    assert done.usage.input_tokens == 3


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
async def test_translations_come_in_the_same_forms(sdk: Any) -> None:
    assert (await sdk.audio.translations.create(model="m", file=RECORDING)).text.startswith("Hello from east")
    long = await sdk.audio.translations.create(model="m", file=RECORDING, response_format="verbose_json")
    assert long.task == "translate"


async def test_the_model_is_found_wherever_it_stands_in_a_form(simulator: Simulator, client: Any) -> None:
    for order in (("model", "file"), ("file", "model")):
        form = aiohttp.FormData()
        for name in order:
            if name == "file":
                form.add_field("file", RECORDING[1], filename=RECORDING[0], content_type=RECORDING[2])
            else:
                form.add_field(name, "west")
        url = f"{client.url}/v1/audio/transcriptions"
        async with client.session.post(url, data=form, headers={"api-key": "any"}) as answer:
            assert (await answer.json())["text"] == "Hello from west at your service."
    for received in simulator.received("west"):
        parts = {part.name: part for part in received.parts}
        assert parts["file"].sha256 == hashlib.sha256(RECORDING[1]).hexdigest()
        assert (parts["file"].filename, parts["file"].content_type) == ("speech.wav", "audio/wav")
        assert (parts["file"].length, parts["model"].content) == (48_000, b"west")


@pytest.mark.parametrize(
    ("response_format", "content_type", "starts"),
    [
        ("mp3", "audio/mpeg", b"\xff\xfb"),
        ("opus", "audio/opus", b"OggS"),
        ("aac", "audio/aac", b"\xff\xf1"),
        ("flac", "audio/flac", b"fLaC"),
        ("wav", "audio/wav", b"RIFF"),
        ("pcm", "audio/pcm", b""),
    ],
)
async def test_speech_is_bytes_of_the_form_asked_for(
    sdk: Any, response_format: Any, content_type: str, starts: bytes
) -> None:
    speech = sdk.audio.speech.with_streaming_response
    async with speech.create(model="m", input="hi", voice="alloy", response_format=response_format) as answer:
        sound = await answer.read()
    assert answer.headers["content-type"] == content_type
    assert answer.headers["transfer-encoding"] == "chunked"
    assert (len(sound), sound[: len(starts)]) == (6 * 1024, starts)


async def test_speech_keeps_its_pace(simulator: Simulator, client: Any) -> None:
    simulator.script("east", Script(chunks=4, chunk_bytes=5000, interval_ms=30))
    start = time.monotonic()
    async with client.post("/v1/audio/speech", {"model": "east", "input": "hi", "voice": "alloy"}) as answer:
        sizes = [len(piece) async for piece, _ in answer.content.iter_chunks()]
    assert sizes == [5000] * 4
    assert time.monotonic() - start >= 0.09


async def test_speech_comes_as_events_if_asked_for(sdk: Any) -> None:
    speech = sdk.audio.speech.with_streaming_response
    async with speech.create(model="m", input="hi you", voice="alloy", stream_format="sse") as answer:
        events = [json.loads(line[6:]) async for line in answer.iter_lines() if line.startswith("data: ")]
    *deltas, done = events
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert len(base64.b64decode(deltas[0]["audio"])) == 1024
    assert (done["type"], done["usage"]["input_tokens"]) == ("speech.audio.done", 2)


async def test_an_unknown_form_of_audio_is_refused_by_name(sdk: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await sdk.audio.speech.create(model="m", input="hi", voice="alloy", response_format="tape")
    assert refused.value.param == "response_format"
    with pytest.raises(openai.BadRequestError) as refused:
        await sdk.audio.transcriptions.create(model="m", file=RECORDING, response_format="tape")
    assert refused.value.code == "invalid_value"


async def test_a_field_in_the_place_of_a_recording_is_refused(client: Any) -> None:
    form = aiohttp.FormData({"model": "east", "file": "text"}, default_to_multipart=True)
    url = f"{client.url}/v1/audio/transcriptions"
    async with client.session.post(url, data=form, headers={"api-key": "any"}) as answer:
        assert (answer.status, (await answer.json())["error"]["param"]) == (400, "file")


async def test_only_violence_is_flagged(sdk: Any) -> None:
    harmless, violent = (await sdk.moderations.create(model="m", input=["hello", "I kill you"])).results
    assert (harmless.flagged, violent.flagged) == (False, True)
    assert (violent.categories.violence, violent.categories.hate) == (True, False)
    assert violent.category_scores.violence > 0.9
