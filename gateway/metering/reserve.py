"""What to reserve for a call before it is made: never less than an ordinary one uses."""

from __future__ import annotations

import msgspec

from gateway.openai.request import JsonCall

BYTES_A_TOKEN = 2
# A picture, a recording or a file inside of JSON: so many base64 characters in a row, and what each counts for.
PAYLOAD = 1000
PAYLOAD_TOKENS = 1500
# The thriftiest sound has 200 bytes a token, pictures have more. A form is a payload at least, at most two hours.
FORM_BYTES_A_TOKEN = 64
FORM_MOST = 65_536
# What a picture of the best quality has.
IMAGE_TOKENS = 6240

_GENERATES_TEXT = frozenset(
    {
        *("chat", "completion", "response", "audio_transcription", "audio_translation"),
        *("anthropic", "gemini", "bedrock", "vertex"),
    }
)
_GENERATES_IMAGES = frozenset({"image_generation", "image_edit"})
_USES_NOTHING = frozenset({"file", "batch"})

_ASCII = bytes(range(128))
# Base64 of both alphabets as x, all else as a space. An escaped slash or line break inside of it belongs to it.
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\"
_MARKED = bytes(ord("x") if byte in _BASE64 else ord(" ") for byte in range(256))
_GAP = ord(" ")

_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def reserved_sides(
    operation: str, call: JsonCall, body: bytes, most_output: int, assumed_output: int
) -> tuple[int, int]:
    """Tokens to reserve for a call with this body: the most its input may have, and its answers.

    operation: by name. call: what was read of the body, or JsonCall() of one that was not. most_output: the limit that
    it sets to one answer, in tokens, 0 for none; assumed_output: what stands in for it then. A call without a body asks
    no model anything.
    """
    if operation in _USES_NOTHING or not body:
        return 0, 0
    output = 0
    if operation in _GENERATES_TEXT:
        output = call.answers() * (most_output or assumed_output)
        if operation == "completion":
            output *= _prompts(bytes(call.prompt))
    elif operation in _GENERATES_IMAGES:
        output = call.answers() * IMAGE_TOKENS
    return most_input(body), output


def reserved_form_tokens(operation: str, length: int, assumed_output: int) -> int:
    """Tokens to reserve for a call with a form of so many bytes, of which nothing but the model was read."""
    if operation in _USES_NOTHING:
        return 0
    output = IMAGE_TOKENS if operation in _GENERATES_IMAGES else assumed_output
    return min(max(-(-length // FORM_BYTES_A_TOKEN), PAYLOAD_TOKENS), FORM_MOST) + output


def most_input(body: bytes) -> int:
    """The most tokens that a JSON body holds: one for two ASCII bytes, one for each other byte, and so many for each
    payload in base64, however long. Text that is no prose at all may have more."""
    beyond = 0 if body.isascii() else len(body.translate(None, _ASCII))
    payloads, taken = _payloads(body) if len(body) >= PAYLOAD else (0, 0)
    return -(-(len(body) - beyond - taken) // BYTES_A_TOKEN) + beyond + payloads * PAYLOAD_TOKENS


def _payloads(body: bytes) -> tuple[int, int]:
    """How many payloads there are, and how many bytes they have in all."""
    marked = body.translate(_MARKED)
    found = taken = 0
    # A payload covers one byte at least of every so many: only those are looked at.
    at = PAYLOAD - 1
    while at < len(marked):
        end = at
        if marked[at] != _GAP:
            start = marked.rfind(b" ", 0, at) + 1
            end = marked.find(b" ", at)
            end = len(marked) if end < 0 else end
            if end - start >= PAYLOAD:
                found += 1
                taken += end - start
        at = end + PAYLOAD
    return found, taken


def _prompts(prompt: bytes) -> int:
    """How many prompts a completion has: a list may be many, or the token ids of one."""
    if not prompt.startswith(b"["):
        return 1
    each = _decode_list(prompt)
    return len(each) if each and bytes(each[0])[:1] in (b'"', b"[") else 1
