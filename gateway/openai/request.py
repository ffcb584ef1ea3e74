"""What the gateway must know of a JSON body; everything else passes unread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from gateway.errors import InvalidRequest
from gateway.openai.output_limits import NESTED
from gateway.openai.tokens import count

_CONFIGS = ("generationConfig", "generation_config", "inferenceConfig", "textGenerationConfig")
_CANDIDATES = dict.fromkeys(_CONFIGS[:2], ("candidateCount", "candidate_count"))


class JsonCall(msgspec.Struct, frozen=True):
    """The fields of a body that decide where it goes and how its answer comes back."""

    model: str | None = None
    stream: bool | None = None
    previous_response_id: Any = None
    input_file_id: Any = None
    prompt_cache_key: Any = None
    user: Any = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    max_tokens_to_sample: Any = None
    max_gen_len: Any = None
    google_config: Any = msgspec.field(name="generationConfig", default=None)
    google_config_too: Any = msgspec.field(name="generation_config", default=None)
    converse_config: Any = msgspec.field(name="inferenceConfig", default=None)
    titan_config: Any = msgspec.field(name="textGenerationConfig", default=None)
    n: Any = None
    best_of: Any = None
    prompt: msgspec.Raw = msgspec.Raw()

    def affinity(self) -> str | None:
        """What calls that share a prompt's beginning have in common: `prompt_cache_key`, else `user`."""
        key = self.prompt_cache_key or self.user
        return key if isinstance(key, str) else None

    def most_output_tokens(self) -> int:
        """The most tokens that one answer may have, as far as the body says; 0 when it does not."""
        told = _limits(self)
        if told == _NO_LIMITS:
            return 0
        return max(count(each) or 0 for each in (*told[: -len(_FIELDS)], *self._nested(NESTED)))

    def answers(self) -> int:
        """How many answers the body asks for to one prompt: `n`, `best_of`, Google's `candidateCount`; 1 at least."""
        asked = _wishes(self)
        if asked == _NO_WISHES:
            return 1
        return max(1, *(count(each) or 1 for each in (*asked[: -len(_FIELDS)], *self._nested(_CANDIDATES))))

    def _nested(self, names: Mapping[str, tuple[str, ...]]) -> Sequence[Any]:
        """What the body says in its configs, by the names that each has for it."""
        said = zip(_configs(self), _CONFIGS, strict=True)
        return [config.get(name) for config, each in said if isinstance(config, dict) for name in names.get(each, ())]


# Most bodies say nothing of all this, which one look tells.
_FIELDS = ("google_config", "google_config_too", "converse_config", "titan_config")
_OWN = ("max_completion_tokens", "max_tokens", "max_output_tokens", "max_tokens_to_sample", "max_gen_len")
_configs = attrgetter(*_FIELDS)
_limits = attrgetter(*_OWN, *_FIELDS)
_wishes = attrgetter("n", "best_of", *_FIELDS)
_NO_LIMITS = _limits(JsonCall())
_NO_WISHES = _wishes(JsonCall())
_decode = msgspec.json.Decoder(JsonCall).decode


def read_call(body: bytes) -> JsonCall:
    """Read a JSON body; unknown fields are checked for syntax and skipped, never rebuilt.

    Raises InvalidRequest for a body that is empty, truncated, not JSON, not an object, or of a wrong type.
    """
    try:
        call = _decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except msgspec.DecodeError as error:
        raise _not_json(body, str(error)) from None
    except RecursionError:
        raise _not_json(body, "nested too deeply") from None
    # The decoder leaves the inside of skipped strings unchecked (RFC 8259 section 8.1 asks for UTF-8).
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise _not_json(body, f"invalid UTF-8 at byte {error.start}") from None
    return call


def _not_json(body: bytes, reason: str) -> InvalidRequest:
    message = "The request body is empty; send a JSON object." if not body else f"The body is not valid JSON: {reason}."
    return InvalidRequest(message, code="invalid_json")


def _wrong_type(reason: str) -> InvalidRequest:
    """The decoder ends its reason with the path of the field, and gives none for the body itself."""
    for field, kind in (("model", "a string"), ("stream", "true or false")):
        if reason.endswith(f"`$.{field}`"):
            return InvalidRequest(f"'{field}' must be {kind}.", param=field, code="invalid_type")
    return InvalidRequest("The request body must be a JSON object.", code="invalid_json")
