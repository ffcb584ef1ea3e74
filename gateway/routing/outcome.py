"""What became of one attempt, and what that means for the call and for the deployment."""

from __future__ import annotations

from enum import Enum

import msgspec


class Kind(Enum):
    """The ways an attempt can end.

    final: another deployment would not change the answer. cools: the deployment should rest. relayable: the upstream's
    answer may be shown to the caller as it is.
    """

    SERVED = "the upstream answered the call", "final", "relayable"
    REFUSED = "the upstream found the caller's request wrong, which is nobody's failure", "final", "relayable"
    CONTESTED = "409: another deployment may do, this one is well", "relayable"
    THROTTLED = "429", "cools", "relayable"
    FAILED = "408, 5xx, or an error in band before any content", "cools", "relayable"
    MISCONFIGURED = "401, 403, 404 or a redirect: a wrong key, address or name of the deployment", "cools"
    UNREACHABLE = "no connection, or one that ended before an answer began", "cools"
    TIMED_OUT = "no first byte in time", "cools"

    def __init__(self, meaning: str, *traits: str) -> None:
        # Attributes, since every call asks for all three: to look a kind up in a set costs several times as much.
        self.final = "final" in traits
        self.cools = "cools" in traits
        self.relayable = "relayable" in traits


class Outcome(msgspec.Struct, frozen=True):
    """One attempt's end. `wait`: seconds of rest that the upstream asked for, if it did."""

    kind: Kind
    status: int | None = None
    wait: float | None = None


def judge(status: int, *, about_a_thing: bool = False) -> Kind:
    """What an upstream's status means. A 404 about a thing that lives there says that the thing is gone."""
    if status < 300:
        return Kind.SERVED
    if status < 400:
        # An API answers; it does not redirect. To follow would carry the key to an address nobody registered.
        return Kind.MISCONFIGURED
    if status == 429:
        return Kind.THROTTLED
    if status == 404 and about_a_thing:
        return Kind.REFUSED
    if status in (401, 403, 404):
        return Kind.MISCONFIGURED
    if status == 409:
        return Kind.CONTESTED
    if status == 408 or status >= 500:
        return Kind.FAILED
    return Kind.REFUSED
