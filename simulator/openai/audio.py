"""Audio: transcriptions, translations and speech."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import partial
from hashlib import shake_256

from simulator.api import Refusal
from simulator.call import Answer, Call, Raw, count, pieces, text, words
from simulator.multipart import Part
from simulator.openai.apis import EVENTS
from simulator.streams import Stream, byte_stream
from simulator.wire import Json

SPEECH_PIECE_BYTES = 1024
_BYTES_A_SECOND = 16_000

# response_format: (content type, how such a file begins)
_SOUNDS = {
    "mp3": ("audio/mpeg", b"\xff\xfb\x90\x00"),
    "opus": ("audio/opus", b"OggS"),
    "aac": ("audio/aac", b"\xff\xf1"),
    "flac": ("audio/flac", b"fLaC"),
    "wav": ("audio/wav", b"RIFF\xff\xff\xff\xffWAVE"),
    "pcm": ("audio/pcm", b""),
}


def _heard(task: str, call: Call) -> Answer:
    """The text of a recording, in the form that `response_format` names."""
    heard, seconds = text(call), _seconds(call)
    match call.fields.get("response_format", "json"):
        case "json":
            return {"text": heard, "usage": _usage(call)}
        case "text":
            return Raw(f"{heard}\n".encode(), "text/plain; charset=utf-8")
        case "srt":
            return Raw(f"1\n{_clock(0, ',')} --> {_clock(seconds, ',')}\n{heard}\n\n".encode(), "text/plain")
        case "vtt":
            return Raw(f"WEBVTT\n\n{_clock(0, '.')} --> {_clock(seconds, '.')}\n{heard}\n\n".encode(), "text/vtt")
        case "verbose_json":
            return _verbose(task, call, heard, seconds)
    raise Refusal(400, "Invalid value for 'response_format'.", param="response_format", code="invalid_value")


transcription = partial(_heard, "transcribe")
translation = partial(_heard, "translate")


def transcription_stream(call: Call) -> Stream:
    """The text of a recording, piece by piece."""
    contents = ({"type": "transcript.text.delta", "delta": piece, "logprobs": []} for piece in pieces(call))
    done = {"type": "transcript.text.done", "text": text(call), "logprobs": [], "usage": _usage(call)}
    return Stream([], contents, [done], EVENTS)


def speech(call: Call) -> Stream:
    """Sound as it is made: bytes, or events if `stream_format` says so."""
    wanted = str(call.fields.get("response_format", "mp3"))
    if wanted not in _SOUNDS:
        raise Refusal(400, "Invalid value for 'response_format'.", param="response_format", code="invalid_value")
    content_type, start = _SOUNDS[wanted]
    sound = _sound(call, start)
    if call.fields.get("stream_format") != "sse":
        return byte_stream(content_type, sound)
    spoken = words(call.fields["input"])
    usage = {"input_tokens": spoken, "output_tokens": count(call), "total_tokens": spoken + count(call)}
    contents = ({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in sound)
    return Stream([], contents, [{"type": "speech.audio.done", "usage": usage}], EVENTS)


def _sound(call: Call, start: bytes) -> Iterator[bytes]:
    """As many pieces as a text has; they depend on the input and the voice."""
    size = call.script.chunk_bytes or SPEECH_PIECE_BYTES
    noise = shake_256(f"{call.fields['voice']}: {call.fields['input']}".encode()).digest(size)
    for index in range(count(call)):
        yield noise if index else (start + noise)[:size]


def _verbose(task: str, call: Call, heard: str, seconds: float) -> Json:
    segment: Json = {
        **{"id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": heard, "tokens": list(range(count(call)))},
        **{"temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0},
    }
    answer: Json = {
        "task": task,
        "language": "english",
        "duration": seconds,
        "text": heard,
        "segments": [segment],
        "usage": {"type": "duration", "seconds": seconds},
    }
    if "word" in (call.fields.get("timestamp_granularities") or ()):
        length = seconds / count(call)
        answer["words"] = [
            {"word": piece.strip(), "start": index * length, "end": (index + 1) * length}
            for index, piece in enumerate(pieces(call))
        ]
    return answer


def _usage(call: Call) -> Json:
    """A second of the recording is a token of input."""
    heard, said = int(_seconds(call)), count(call)
    details = {"text_tokens": 0, "audio_tokens": heard}
    counts = {"input_tokens": heard, "input_token_details": details, "output_tokens": said}
    return {"type": "tokens", **counts, "total_tokens": heard + said}


def _seconds(call: Call) -> float:
    """How long the recording is, if it has 16 bytes a millisecond; never under a second."""
    recording = call.fields["file"]
    if not isinstance(recording, Part):
        raise Refusal(400, "Expected a file, but got a field.", param="file")
    return max(recording.length / _BYTES_A_SECOND, 1.0)


def _clock(seconds: float, point: str) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}{point}{int(seconds * 1000) % 1000:03}"
