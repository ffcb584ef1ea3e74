"""Images: generated, edited and varied; streams send partial images before the whole one."""

from __future__ import annotations

import time
from functools import partial

from simulator.call import Call, whole, words
from simulator.openai.apis import NAMED_EVENTS
from simulator.openai.chat import CONTENT_FILTER
from simulator.streams import Stream
from simulator.wire import Json

# One black pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
_LOOKS = {"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"}


def image(call: Call) -> Json:
    """The picture, as often as `n` says."""
    one: Json = {"b64_json": _picture(call)}
    if "prompt" in call.fields:
        one["revised_prompt"] = f"Drawn by {call.deployment}: {call.fields['prompt']}"
    if call.azure:
        one |= {"content_filter_results": CONTENT_FILTER, "prompt_filter_results": CONTENT_FILTER}
    drawn = [one] * whole(call.fields.get("n"), 1, 10, 1)
    return {"created": int(time.time()), "data": drawn, "usage": _usage(call, len(drawn))}


def _stream(kind: str, call: Call) -> Stream:
    partials = call.script.chunks or whole(call.fields.get("partial_images"), 0, 3, 0)
    shared: Json = {"b64_json": _picture(call), "created_at": int(time.time()), **_LOOKS}
    contents = ({"type": f"{kind}.partial_image", "partial_image_index": index, **shared} for index in range(partials))
    completed = {"type": f"{kind}.completed", **shared, "usage": _usage(call, 1)}
    return Stream([], contents, [completed], NAMED_EVENTS)


generation_stream = partial(_stream, "image_generation")
edit_stream = partial(_stream, "image_edit")


def _picture(call: Call) -> str:
    """Base64 of one black pixel; of `chunk_bytes` characters if a script says so."""
    return (
        PNG if call.script.chunk_bytes is None else PNG[: call.script.chunk_bytes].ljust(call.script.chunk_bytes, "A")
    )


def _usage(call: Call, drawn: int) -> Json:
    given = call.fields.get("image")
    pictures = len(given) if isinstance(given, list) else int(given is not None)
    prompt = words(call.fields.get("prompt"))
    return {
        "input_tokens": prompt + pictures,
        "input_tokens_details": {"text_tokens": prompt, "image_tokens": pictures},
        "output_tokens": drawn,
        "total_tokens": prompt + pictures + drawn,
    }
