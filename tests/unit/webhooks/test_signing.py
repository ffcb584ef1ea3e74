"""Signatures of deliveries."""

from __future__ import annotations

import base64

import pytest
from standardwebhooks import Webhook as Verifier

from gateway.webhooks import signing

# The example of the Standard Webhooks specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_specifications_own_example_has_its_own_signature() -> None:
    assert signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, [SECRET]) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_has_its_signature_in_order() -> None:
    other = signing.new_secret()
    one, two = (signing.headers("m", 1, BODY, [each])["webhook-signature"] for each in (SECRET, other))
    assert signing.headers("m", 1, BODY, [SECRET, other])["webhook-signature"] == f"{one} {two}"


def test_a_new_secret_is_one_and_no_two_are_alike() -> None:
    made = {signing.new_secret() for _ in range(100)}
    assert len(made) == 100 and all(map(signing.is_secret, made))
    assert all(len(base64.b64decode(each.removeprefix("whsec_"))) == 32 and Verifier(each) for each in made)


def test_what_is_a_secret_and_what_is_none() -> None:
    def sized(count: int) -> str:
        return "whsec_" + base64.b64encode(b"k" * count).decode()

    assert all(signing.is_secret(each) for each in (SECRET, sized(24), sized(64)))
    for each in ("", "whsec_", sized(23), sized(65), SECRET[6:], SECRET + "é", "whsec_" + "*" * 40, sized(25)[:-1]):
        assert not signing.is_secret(each), each


@pytest.mark.parametrize("changed", [("other", 1, BODY), ("m", 2, BODY), ("m", 1, BODY + b" ")])
def test_a_signature_is_of_id_time_and_body(changed: tuple[str, int, bytes]) -> None:
    signatures = {signing.headers(*each, [SECRET])["webhook-signature"] for each in (("m", 1, BODY), changed)}
    assert len(signatures) == 2
