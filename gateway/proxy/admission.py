"""Whether a call may go: its tenant's limits, and those of the tenant's model that it is for."""

from __future__ import annotations

import msgspec

from gateway.errors import PermissionDenied
from gateway.limits.accounts import Account, Amounts
from gateway.limits.tenant_accounts import model_account, tenant_account
from gateway.metering.prices import cost
from gateway.metering.reserve import reserved_form_tokens, reserved_sides
from gateway.openai.operations import Operation
from gateway.openai.tokens import Tokens
from gateway.openai.usage import spoken_characters
from gateway.proxy.reading import Asked
from gateway.quotas.quotas import Quotas
from gateway.quotas.reservation import Reservation
from gateway.registry.snapshot import Caller
from gateway.registry.tenant_models import TenantModel, TenantModels
from gateway.registry.time_zones import time_zone
from gateway.routing.eligibility import Pool, served_as
from gateway.upstream.target import Form
from gateway.usage.pricer import Pricer

# The catalog's types of models have the names of operations, but for this one.
MODEL_TYPES = {"response": ("responses", "chat")}

# Speech is seldom recorded with fewer bytes a second (16 kbit/s).
BYTES_A_SECOND = 2000
HEARD = ("audio_transcription", "audio_translation")


class Admitted(msgspec.Struct, frozen=True):
    """What was taken of the limits for one call.

    model_id: the catalog's id of the tenant's model it is for, if it is for one. counts_cost: whether some limit is one
    of money.
    """

    reservation: Reservation
    model_id: str | None
    counts_cost: bool


class Admission:
    """Reserves what a call may use before it goes. A call of a tenant without limits costs one look-up."""

    def __init__(self, quotas: Quotas, pricer: Pricer, *, assumed_output: int, unpriced_may_pass: bool) -> None:
        self._quotas = quotas
        self._pricer = pricer
        self._assumed_output = assumed_output
        self._unpriced_may_pass = unpriced_may_pass
        self._accounts: dict[tuple[str, str | None], tuple[tuple[Account, ...], bool]] = {}

    def forget(self) -> None:
        """The registry changed: limits may have."""
        self._accounts.clear()

    async def admit(self, caller: Caller, asked: Asked, pool: Pool) -> Admitted | None:
        """Reserve what the call may use of every limit it counts for; None when there is none.

        Raises RateLimited, QuotaExceeded, StorageUnavailable, and PermissionDenied for a call that counts for a limit
        of money and whose price nobody knows.
        """
        model = _model(caller, asked.model, pool) if caller.models.all else None
        accounts, counts_cost = self._accounts_of(caller, model)
        if not accounts and model is None:
            return None
        heard, said = _sides(asked, self._assumed_output)
        price = await self._dearest(pool, _expected(asked, heard, said)) if counts_cost else 0
        reservation = await self._quotas.reserve(accounts, Amounts(1, heard + said, price))
        return Admitted(reservation, model.model_id if model is not None else None, counts_cost)

    def _accounts_of(self, caller: Caller, model: TenantModel | None) -> tuple[tuple[Account, ...], bool]:
        """The accounts that have limits, and whether some limit is one of money."""
        key = (caller.key.id, model.model_id if model is not None else None)
        known = self._accounts.get(key)
        if known is None:
            found = [tenant_account(caller.tenant, time_zone)]
            if model is not None:
                found.append(model_account(caller.tenant, model, time_zone))
            accounts = tuple(each for each in found if each.limits)
            counts_cost = any(limit.metric == "cost" for account in accounts for limit in account.limits)
            known = self._accounts[key] = accounts, counts_cost
        return known

    async def _dearest(self, pool: Pool, tokens: Tokens) -> int:
        """The most that a call may cost, whichever deployment of its pool answers it."""
        prices = []
        for deployment in (each for tier in pool.tiers for each in tier):
            names = (deployment.deployment_name, *deployment.models)
            priced = self._pricer.known(deployment.provider, names)
            if priced is None:
                priced = await self._pricer.priced(deployment.provider, names)
            price = cost(tokens, priced.prices) if priced.prices is not None else None
            if price is None and not self._unpriced_may_pass:
                raise PermissionDenied(
                    "This tenant has a limit of money, and nobody knows the price of the model behind this call. The "
                    "operator can give one in the catalog, or let such calls pass with GATEWAY_UNPRICED_MODELS=allow.",
                    code="unpriced_model",
                )
            prices.append(price or 0)
        return max(prices, default=0)


def _sides(asked: Asked, assumed_output: int) -> tuple[int, int]:
    """The most tokens that either side may have; `assumed_output` for an answer whose length nobody limits."""
    operation, body = asked.call.operation.name, asked.call.body
    if isinstance(body, Form):
        return reserved_form_tokens(operation, body.spool.length, assumed_output), 0
    return reserved_sides(operation, asked.fields, body, asked.most_output, assumed_output)


def _expected(asked: Asked, heard: int, said: int) -> Tokens:
    """The most that a call may use of all that has a price."""
    operation, body = asked.call.operation.name, asked.call.body
    if isinstance(body, Form):
        seconds = body.spool.length / BYTES_A_SECOND if operation in HEARD else 0.0
        return Tokens(input=heard, images=int(operation == "image_edit"), seconds=seconds)
    return Tokens(
        input=heard,
        output=said,
        images=asked.fields.answers() if operation == "image_generation" else 0,
        characters=spoken_characters(body) if operation == "audio_speech" else 0,
        queries=int(operation == "rerank"),
    )


def _model(caller: Caller, name: str | None, pool: Pool) -> TenantModel | None:
    """The tenant's model that a call is for: the one of that name, else the first that its pool serves."""
    found = caller.models.by_name.get(name or "")
    if found is not None and not pool.is_endpoint:
        return found
    served = (served_as(each, caller.models) for tier in pool.tiers for each in tier)
    return next((each for each in served if each is not None), None)


def default_model(models: TenantModels, operation: Operation) -> str | None:
    """The model that stands in where a call names none: the tenant's default, where that is of the operation's kind."""
    default = models.default
    if default is None or default.model_type not in MODEL_TYPES.get(operation.name, (operation.name,)):
        return None
    return default.name
