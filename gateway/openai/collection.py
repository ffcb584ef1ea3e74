"""The three fields of an embeddings call that are the gateway's own: where its vectors are kept, and under what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.errors import InvalidRequest
from gateway.openai.json_edit import fields, is_named

OWN = ("collection", "ids", "metadata")
# A body without any of these has none of the fields: the last one begins a name that is spelt otherwise.
_MARKS = (b'"collection"', b'"ids"', b'"metadata"', b"\\u")

MOST_INPUTS = 2_048
MOST_ID_CHARACTERS = 256
MOST_METADATA_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Keeping:
    """What to keep of an embeddings call: one id and one object of metadata, as JSON, for each input.

    collection: its name, whose rules are the registry's to check. dimensions: what the call asked for, if it did.
    """

    collection: str
    ids: tuple[str, ...]
    metadata: tuple[bytes, ...]
    dimensions: int | None = None


class _Call(msgspec.Struct, frozen=True):
    collection: Any = msgspec.UNSET
    ids: Any = msgspec.UNSET
    metadata: Any = msgspec.UNSET
    input: msgspec.Raw = msgspec.Raw(b"null")
    dimensions: Any = None


_decode = msgspec.json.Decoder(_Call).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def take_collection(body: bytes) -> tuple[bytes, Keeping | None]:
    """The body (a valid JSON object) without the gateway's own fields, and what they ask for; None when none is there.

    Every other byte of every other field stays. Raises InvalidRequest, which names the field and its rule.
    """
    if not any(mark in body for mark in _MARKS):
        return body, None
    try:
        call = _decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body can't be read: {error}.", code="invalid_json") from None
    given = [name for name in OWN if getattr(call, name) is not msgspec.UNSET]
    if not given:
        return body, None
    if call.collection is msgspec.UNSET:
        raise InvalidRequest(
            f"'{given[0]}' is kept with the vectors of a 'collection'; name one, or leave it out.", param=given[0]
        )
    if not isinstance(call.collection, str):
        raise InvalidRequest("'collection' must be a string: the name of a collection.", param="collection")
    inputs = _inputs(call.input)
    if len(inputs) > MOST_INPUTS:
        raise InvalidRequest(f"A collection takes at most {MOST_INPUTS:,} inputs in one call.", param="input")
    metadata = _metadata(call.metadata, len(inputs))
    dimensions = call.dimensions if type(call.dimensions) is int else None
    keeping = Keeping(call.collection, _ids(call.ids, inputs, metadata), metadata, dimensions)
    return _without_own_fields(body), keeping


def _inputs(given: msgspec.Raw) -> list[bytes]:
    """Each input as it is written; a text or a list of tokens is one."""
    text = bytes(given)
    if not text.startswith(b"["):
        return [text]
    inputs = [bytes(each) for each in _decode_list(text)]
    return inputs if not inputs or inputs[0][:1] in b'["' else [text]


def _metadata(given: Any, count: int) -> tuple[bytes, ...]:
    if given is msgspec.UNSET or given is None:
        given = {}
    if isinstance(given, dict):
        return (_stored(given, "metadata"),) * count
    if not isinstance(given, list) or len(given) != count:
        raise InvalidRequest(
            f"'metadata' must be one object for all inputs, or a list of one for each: here {count:,}.",
            param="metadata",
        )
    return tuple(_stored(each, f"metadata[{number}]") for number, each in enumerate(given))


def _stored(given: Any, param: str) -> bytes:
    if given is None:
        return b"{}"
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"'{param}' must be an object.", param=param)
    text = msgspec.json.encode(given)
    if len(text) > MOST_METADATA_BYTES:
        raise InvalidRequest(f"'{param}' must be at most {MOST_METADATA_BYTES:,} bytes as JSON.", param=param)
    return text


def _ids(given: Any, inputs: Sequence[bytes], metadata: Sequence[bytes]) -> tuple[str, ...]:
    """The ids that were given, or made ones: the same for the same input and metadata, so that a call that is sent
    again keeps nothing twice."""
    if given is msgspec.UNSET or given is None:
        return tuple(_made(text, of) for text, of in zip(inputs, metadata, strict=True))
    if not isinstance(given, list) or len(given) != len(inputs):
        raise InvalidRequest(f"'ids' must be a list of one id for each input: here {len(inputs):,}.", param="ids")
    for number, each in enumerate(given):
        if not isinstance(each, str) or not 1 <= len(each) <= MOST_ID_CHARACTERS:
            rule = f"must be a string of 1 to {MOST_ID_CHARACTERS} characters"
            raise InvalidRequest(f"'ids[{number}]' {rule}.", param=f"ids[{number}]")
    if len(set(given)) < len(given):
        raise InvalidRequest("'ids' must differ from each other.", param="ids")
    return tuple(given)


def _made(text: bytes, metadata: bytes) -> str:
    return hashlib.sha256(b"%d:%s%s" % (len(text), text, metadata)).hexdigest()[:32]


def _without_own_fields(body: bytes) -> bytes:
    kept: list[bytes] = []
    before = first = None
    for key, start, end in fields(body):
        # Between a key and its value stand a colon and white space alone, so the last place of the key is its own.
        begin = body.rindex(key, 0, start)
        if before is None:
            first = before = begin
        if not any(is_named(key, name) for name in OWN):
            # With what parts it from the field before it, unless that is not there any more.
            kept.append(body[before if kept else begin : end])
        before = end
    return body[:first] + b"".join(kept) + body[before:]
