"""What the gateway must know of a multipart form, read as it passes: where the model's name stands."""

from __future__ import annotations

import re

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.errors import InvalidRequest

_FORM_DATA = b"multipart/form-data"
_NAME = re.compile(rb'\bname="((?:[^"\\]|\\.)*)"')
# A model's name is short; what is longer is none.
_LONGEST = 1024


class FormReader:
    """Reads a form's bytes as they come. After `finish`, `model` is the form's model.

    content_type: the request's header, with the boundary. Raises InvalidRequest for what is no whole form (RFC 7578).
    """

    def __init__(self, content_type: bytes) -> None:
        kind, options = parse_options_header(content_type)
        self._boundary = options.get(b"boundary", b"")
        if kind != _FORM_DATA or not self._boundary:
            raise _no_form("send multipart/form-data with a boundary")
        self.model: str | None = None
        self._span = (0, 0)
        self._read = 0
        self._field = ""
        self._header = bytearray()
        self._disposition = b""
        self._value = bytearray()
        self._value_start = 0
        self._complete = False
        try:
            self._parser = MultipartParser(
                self._boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._part_data,
                    "on_part_end": self._part_ends,
                    "on_end": self._ends,
                },
            )
        except FormParserError as error:
            raise _no_form(str(error)) from None

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _no_form(str(error)) from None
        self._read += len(chunk)

    def finish(self) -> None:
        """There are no more bytes."""
        if not self._complete:
            raise _no_form("it is cut off before its end")

    def model_edit(self, name: str) -> tuple[int, int, bytes]:
        """The edit that makes `name` the form's model: replace the bytes from the first to the second offset."""
        if self.model is not None:
            return *self._span, name.encode()
        part = b'--%b\r\ncontent-disposition: form-data; name="model"\r\n\r\n%b\r\n' % (self._boundary, name.encode())
        return 0, 0, part

    def _part_begins(self) -> None:
        self._disposition = b""
        self._field = ""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition += data[start:end]

    def _header_ends(self) -> None:
        self._header.clear()

    def _headers_end(self) -> None:
        name = _NAME.search(self._disposition)
        self._field = name[1].decode("latin-1") if name is not None else ""
        self._value.clear()
        self._value_start = -1

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field != "model":
            return
        if self._value_start < 0:
            self._value_start = self._read + start
        if len(self._value) <= _LONGEST:
            self._value += data[start:end]

    def _part_ends(self) -> None:
        value = bytes(self._value)
        if self._field == "model":
            if not value or len(value) > _LONGEST:
                raise InvalidRequest("'model' must be a model's name.", param="model")
            self.model = value.decode("utf-8", "replace").strip()
            self._span = (self._value_start, self._value_start + len(value))

    def _ends(self) -> None:
        self._complete = True


def _no_form(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The body is not a valid form: {reason}.", code="invalid_form")
