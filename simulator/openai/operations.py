"""OpenAI's operations: one row each."""

from __future__ import annotations

from simulator.openai import audio, batches, chat, embeddings, files, images, listing, responses
from simulator.operations import Operation

_FILE = ("file",)
_BATCH = "batch(?:es)?"
_BATCH_FIELDS = ("input_file_id", "endpoint", "completion_window")

CHAT = Operation("POST", "chat/completions", chat.chat, chat.chat_stream, ("messages",))

OPERATIONS = (
    CHAT,
    Operation("POST", "completions", chat.completion, chat.completion_stream, ("prompt",)),
    Operation("POST", "embeddings", embeddings.embedding, None, ("input",)),
    Operation("POST", "moderations", embeddings.moderation, None, ("input",)),
    Operation("POST", "images/generations", images.image, images.generation_stream, ("prompt",)),
    Operation("POST", "images/edits", images.image, images.edit_stream, ("image", "prompt"), form=True),
    Operation("POST", "images/variations", images.image, None, ("image",), form=True),
    Operation("POST", "audio/transcriptions", audio.transcription, audio.transcription_stream, _FILE, form=True),
    Operation("POST", "audio/translations", audio.translation, None, _FILE, form=True),
    Operation("POST", "audio/speech", audio.speech, None, ("input", "voice")),
    Operation("POST", "responses", responses.create, responses.create_stream, ("input",)),
    Operation("GET", "responses/{id}", responses.retrieve, responses.retrieve_stream),
    Operation("DELETE", "responses/{id}", responses.delete),
    Operation("POST", "responses/{id}/cancel", responses.cancel, names_model=False),
    Operation("GET", "responses/{id}/input_items", responses.input_items),
    Operation("POST", "files", files.upload, None, ("file", "purpose"), form=True, names_model=False),
    Operation("GET", "files", files.listed),
    Operation("GET", "files/{id}", files.retrieve),
    Operation("DELETE", "files/{id}", files.delete),
    Operation("GET", "files/{id}/content", files.content),
    Operation("POST", _BATCH, batches.create, None, _BATCH_FIELDS, names_model=False),
    Operation("GET", _BATCH, batches.listed),
    Operation("GET", _BATCH + "/{id}", batches.retrieve),
    Operation("POST", _BATCH + "/{id}/cancel", batches.cancel, names_model=False),
    Operation("GET", "models", listing.models),
    Operation("GET", "models/{id}", listing.model),
)
