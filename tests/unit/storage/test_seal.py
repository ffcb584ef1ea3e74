"""The seal: round trip, binding to its row, rotation, and errors that never show a secret."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import EncryptionNotConfigured
from gateway.settings import SettingError
from gateway.storage.seal import Seal, SealBroken

OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 32).decode()
WHERE = "configuration/openai-chat/east"


@given(plain=st.text(), context=st.text())
def test_what_was_closed_opens_under_the_same_context(plain: str, context: str) -> None:
    seal = Seal.from_setting(NEW)
    assert seal.open(seal.close(plain, context), context) == plain


@given(plain=st.text(), here=st.text(), there=st.text())
def test_what_was_closed_for_one_row_does_not_open_for_another(plain: str, here: str, there: str) -> None:
    seal = Seal.from_setting(NEW)
    if here != there:
        with pytest.raises(SealBroken):
            seal.open(seal.close(plain, here), there)


@given(plain=st.text(), place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_single_changed_bit_breaks_the_seal(plain: str, place: int, bit: int) -> None:
    seal = Seal.from_setting(NEW)
    head, _, text = seal.close(plain, WHERE).rpartition(":")
    data = bytearray(base64.urlsafe_b64decode(text))
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(SealBroken):
        seal.open(f"{head}:{base64.urlsafe_b64encode(data).decode()}", WHERE)


def test_the_text_form_is_version_key_id_and_base64url() -> None:
    version, key_id, text = Seal.from_setting(NEW).close("secret", WHERE).split(":")
    assert version == "v1"
    assert key_id == hashlib.sha256(b"n" * 32).hexdigest()[:8]
    assert len(base64.urlsafe_b64decode(text)) == 12 + len("secret") + 16


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    seal = Seal.from_setting(NEW)
    assert len({seal.close("secret", WHERE) for _ in range(50)}) == 50


def test_the_first_key_seals_and_all_keys_open() -> None:
    old, both = Seal.from_setting(OLD), Seal.from_setting(f"{NEW}, {OLD}")
    assert both.open(old.close("secret", WHERE), WHERE) == "secret"
    assert Seal.from_setting(NEW).open(both.close("secret", WHERE), WHERE) == "secret"


def test_a_text_is_current_when_the_first_key_sealed_it() -> None:
    old, both = Seal.from_setting(OLD), Seal.from_setting(f"{NEW},{OLD}")
    assert both.is_current(both.close("secret", WHERE))
    assert not both.is_current(old.close("secret", WHERE))
    assert not Seal.from_setting(None).is_current(old.close("secret", WHERE))


@pytest.mark.parametrize("setting", [None, ""])
def test_without_a_key_nothing_is_sealed_and_the_error_says_what_to_set(setting: str | None) -> None:
    with pytest.raises(EncryptionNotConfigured) as caught:
        Seal.from_setting(setting).close("secret", WHERE)
    assert "GATEWAY_ENCRYPTION_KEY" in caught.value.message
    assert "base64.b64encode" in caught.value.message
    assert "secret" not in caught.value.message.replace("no secret", "")


def test_without_a_key_nothing_opens() -> None:
    with pytest.raises(SealBroken, match="GATEWAY_ENCRYPTION_KEY"):
        Seal.from_setting(None).open(Seal.from_setting(NEW).close("secret", WHERE), WHERE)


def test_a_text_of_an_unknown_key_does_not_open() -> None:
    with pytest.raises(SealBroken, match="under a key that"):
        Seal.from_setting(NEW).open(Seal.from_setting(OLD).close("secret", WHERE), WHERE)


@pytest.mark.parametrize("text", ["", "plain-secret", "v2:00000000:QUJD", "v1", "v1:", "v1:00000000:QUJD"])
def test_a_text_that_is_not_sealed_does_not_open_and_is_not_shown(text: str) -> None:
    with pytest.raises(SealBroken) as caught:
        Seal.from_setting(NEW).open(text, WHERE)
    assert "plain-secret" not in str(caught.value)


@pytest.mark.parametrize("rest", ["", "QUJD", "not base64!", "Ü", "A"])
def test_a_cut_or_garbled_text_does_not_open(rest: str) -> None:
    seal = Seal.from_setting(NEW)
    head = seal.close("secret", WHERE).rpartition(":")[0]
    with pytest.raises(SealBroken, match="changed, cut, or moved"):
        seal.open(f"{head}:{rest}", WHERE)


@pytest.mark.parametrize(
    "setting",
    ["hunter2", "aHVudGVyMg==", f"{NEW},", f",{NEW}", f"{NEW},hunter2", f"{NEW};{OLD}", "Ü", NEW[:-4], NEW + NEW],
)
def test_a_malformed_setting_is_refused_by_name_and_never_shown(setting: str) -> None:
    with pytest.raises(SettingError, match="GATEWAY_ENCRYPTION_KEY") as caught:
        Seal.from_setting(setting)
    assert "hunter2" not in str(caught.value)
    assert setting.strip(",") not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
