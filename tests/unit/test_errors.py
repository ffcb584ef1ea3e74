"""The error tree."""

from __future__ import annotations

import json
import re

import pytest

from gateway import errors
from gateway.errors import AllCooling, GatewayError, InvalidRequest, MethodNotAllowed


def tree(root):
    return [root, *(each for child in root.__subclasses__() for each in tree(child))]


def test_the_drawing_names_every_error_and_its_status():
    drawn = dict(re.findall(r"[─\s]*(\w+)\s+(\d{3}|–)", errors.__doc__))
    for error in tree(GatewayError)[1:]:
        if error.__module__ != errors.__name__ or error is errors.Unauthenticated:
            continue
        assert drawn[error.__name__] in (str(error.status), "–"), error


def test_a_body_is_openais_error_object():
    error = InvalidRequest("'x' must be y.", param="x")
    assert json.loads(error.body()) == {
        "error": {"message": "'x' must be y.", "type": "invalid_request_error", "param": "x", "code": "invalid_value"}
    }


@pytest.mark.parametrize("error", tree(GatewayError))
def test_every_error_has_a_name_on_the_tenant_plane(error):
    made = error.__new__(error)
    made.message = "why"
    body = json.loads(made.tenant_body())
    assert list(body) == ["error", "details"] and body["error"] and body["details"] == "why"


def test_the_nearest_name_of_an_error_counts():
    named = {error: json.loads(error("x").tenant_body())["error"] for error in (errors.ModelNotFound, errors.NotFound)}
    assert named == {errors.ModelNotFound: "Model not found", errors.NotFound: "Not found"}


@pytest.mark.parametrize(
    ("seconds", "whole", "milliseconds"), [(0.0, b"0", b"0"), (2.5, b"3", b"2500"), (4.0001, b"5", b"4001")]
)
def test_a_wait_is_never_told_shorter_than_it_is(seconds, whole, milliseconds):
    headers = dict(AllCooling("resting", retry_after=seconds).headers())
    assert headers == {b"retry-after": whole, b"retry-after-ms": milliseconds}


def test_a_405_names_the_methods_that_would_do():
    error = MethodNotAllowed(allow="GET, POST")
    assert (b"allow", b"GET, POST") in error.headers()
    assert "GET, POST" in error.message
