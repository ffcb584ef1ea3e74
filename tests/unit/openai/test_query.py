"""The query string of a call."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidRequest
from gateway.openai.query import api_version


@pytest.mark.parametrize(
    ("query", "version"),
    [
        (b"", None),
        (b"limit=5", None),
        (b"api-version=2024-10-21", "2024-10-21"),
        (b"x=1&api-version=2025-03-01-preview", "2025-03-01-preview"),
        (b"api-version=preview", "preview"),
    ],
)
def test_the_api_version_is_read(query, version):
    assert api_version(query) == version


@pytest.mark.parametrize("query", [b"api-version=latest", b"api-version=2024-10-21%26key%3Dx", b"api-version=../x"])
def test_an_api_version_of_another_form_is_refused(query):
    with pytest.raises(InvalidRequest, match="api-version") as caught:
        api_version(query)
    assert caught.value.param == "api-version"
