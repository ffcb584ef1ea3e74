"""The query string of a call."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidRequest
from gateway.openai.query import read_query


@pytest.mark.parametrize(
    ("query", "version", "rest"),
    [
        (b"", None, []),
        (b"limit=5&after=", None, [("limit", "5"), ("after", "")]),
        (b"api-version=2024-10-21", "2024-10-21", []),
        (b"alt=sse&api-version=2025-03-01-preview&key=secret", "2025-03-01-preview", [("alt", "sse")]),
        (b"api-version=preview", "preview", []),
    ],
)
def test_the_api_version_is_read_and_the_rest_passes_without_keys(query, version, rest):
    assert read_query(query) == (version, rest)


@pytest.mark.parametrize("query", [b"api-version=latest", b"api-version=2024-10-21%26key%3Dx", b"api-version=../x"])
def test_an_api_version_of_another_form_is_refused(query):
    with pytest.raises(InvalidRequest, match="api-version") as caught:
        read_query(query)
    assert caught.value.param == "api-version"
