"""The accounts of a tenant: named apart, with their limits, in the tenant's own time."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

from gateway.limits.tenant_accounts import api_account, model_account, tenant_account
from gateway.registry.limits import Limit, Limits
from gateway.registry.tenant_models import TenantModel
from tests.builders import EPOCH, tenant

EAST = timezone(timedelta(hours=5))
OWNER = tenant(limits=Limits(rpm=5, daily_cost_limit=0.1), time_zone="East")
MODEL = TenantModel(
    tenant_id="local",
    model_id="uuid",
    provider="openai",
    name="gpt",
    limits=Limits(tpm=7),
    created_at=EPOCH,
    updated_at=EPOCH,
)


def test_a_tenant_has_its_limits_in_its_own_time() -> None:
    account = tenant_account(OWNER, {"East": EAST}.__getitem__)
    assert (account.tenant, account.tenant_id, account.scope) == (OWNER.identity, "local", "tenant")
    assert account.limits == (Limit("requests", "minute", 5), Limit("cost", "day", 100_000_000))
    assert (account.zone, account.model_id) == (EAST, None)


def test_a_model_of_it_has_its_own_beside() -> None:
    account = model_account(OWNER, MODEL, {"East": EAST}.__getitem__)
    assert (account.tenant, account.scope, account.model_id) == (OWNER.identity, "model:uuid", "uuid")
    assert (account.limits, account.zone) == ((Limit("tokens", "minute", 7),), EAST)


def test_reads_and_writes_of_this_api_are_counted_apart() -> None:
    reads, writes = api_account(OWNER, writes=False), api_account(OWNER, writes=True)
    assert (reads.scope, reads.limits) == ("api:read", (Limit("requests", "minute", 100),))
    assert (writes.scope, writes.limits) == ("api:write", (Limit("requests", "minute", 10),))
    assert reads.zone == writes.zone == UTC
