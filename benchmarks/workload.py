"""What is asked of every subject: the same calls in the same words, whatever model name it wants to hear."""

from __future__ import annotations

import json

# A model whose price the built-in catalog knows, so that every call is priced.
MODEL = "gpt-4o-mini"
MEGABYTE = 1024 * 1024
# The answer's bytes are 620. A gateway that builds the answer anew may leave out what it does not know.
LEAST_ANSWER_BYTES = 200
HELLO = "Say in one short paragraph how things are going, and do not leave anything out that matters."


def chat(model: str, text: str = HELLO) -> bytes:
    """A plain chat call."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()


def large_chat(model: str) -> bytes:
    """A chat call of one megabyte."""
    return chat(model, ("All work and no play makes Jack a dull boy. " * 24_000)[: MEGABYTE - 64])


def stream(model: str, chunks: int, every_ms: int) -> bytes:
    """A chat call that is answered by a stream of so many chunks."""
    messages = [{"role": "user", "content": f"Answer in {chunks} chunks every {every_ms} ms"}]
    return json.dumps({"model": model, "messages": messages, "stream": True}).encode()
