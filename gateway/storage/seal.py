"""The seal: how a secret is kept so that storage, its backups and its readers never see it."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.errors import EncryptionNotConfigured
from gateway.settings import SettingError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "v1"
KEY_BYTES = 32
# NIST SP 800-38D section 8.2.2: 96 random bits; one key may seal 2^32 secrets before it has to be changed.
NONCE_BYTES = 12

HOW_TO_MAKE_ONE = "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"


class SealBroken(Exception):
    """A sealed text that can't be opened; says why, never what it holds."""


class Seal:
    """AES-256-GCM under the keys of GATEWAY_ENCRYPTION_KEY: the first seals, all open.

    The text form is `v1:<key id>:<base64url of nonce and ciphertext>`; the key id is the first 8 hexadecimal digits of
    the key's SHA-256. The context names the row; a sealed text opens only under the context it was closed for, so it
    can't be moved to a deployment whose address an attacker chose.
    """

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = {hashlib.sha256(key).hexdigest()[:8]: key for key in keys}
        self._current = next(iter(self._keys), None)

    @classmethod
    def from_setting(cls, text: str | None) -> Seal:
        """Read GATEWAY_ENCRYPTION_KEY; without it the seal opens and closes nothing. SettingError if it is no key."""
        if not text:
            return cls(())
        return cls(tuple(_key(each, number) for number, each in enumerate(text.split(","), start=1)))

    def close(self, plain: str, context: str) -> str:
        """Seal a secret for one row. Raises EncryptionNotConfigured when there is no key."""
        if self._current is None:
            raise EncryptionNotConfigured(
                "No encryption key is configured, so no secret is stored. "
                f"Set GATEWAY_ENCRYPTION_KEY to base64 of 32 bytes; this makes one: {HOW_TO_MAKE_ONE}"
            )
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._ciphers[self._current].encrypt(nonce, plain.encode(), context.encode())
        return f"{VERSION}:{self._current}:{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """The secret of one row. Raises SealBroken."""
        from cryptography.exceptions import InvalidTag

        version, _, rest = sealed.partition(":")
        key_id, _, text = rest.partition(":")
        if version != VERSION:
            raise SealBroken(f"it is not sealed in the form {VERSION}:<key id>:<text>")
        if key_id not in self._keys:
            raise SealBroken("it is sealed under a key that GATEWAY_ENCRYPTION_KEY does not hold")
        try:
            data = base64.b64decode(text, altchars=b"-_", validate=True)
            return self._ciphers[key_id].decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealBroken("its sealed text was changed, cut, or moved from another row") from None

    def is_current(self, sealed: str) -> bool:
        """Whether the key that seals now is the one that sealed this."""
        return self._current is not None and sealed.startswith(f"{VERSION}:{self._current}:")

    @cached_property
    def _ciphers(self) -> dict[str, AESGCM]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return {key_id: AESGCM(key) for key_id, key in self._keys.items()}


def _key(text: str, number: int) -> bytes:
    """One key of the setting; the error names its place, never its value."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingError(
            f"GATEWAY_ENCRYPTION_KEY: key {number} is not base64 of {KEY_BYTES} bytes; "
            f"this makes one: {HOW_TO_MAKE_ONE}"
        )
    return key
