"""Many tenants and deployments: storage's own client reads those that are made up, and choosing stays flat."""

from __future__ import annotations

from benchmarks.choosing import microseconds
from benchmarks.roundhouse import ENCRYPTION_KEY, LIMITS
from benchmarks.scaled_gateway import ScaledTables
from benchmarks.table_service import api_key_of, service
from gateway.local.azurite import ACCOUNT
from gateway.storage.deployments import DeploymentStore
from gateway.storage.seal import Seal
from gateway.storage.tenants import TenantStore
from tests.server import serving


async def test_what_the_table_service_makes_up_is_read_page_by_page_as_it_was_meant() -> None:
    async with serving(service(130, 110, "http://127.0.0.1:1")) as url:
        tables = ScaledTables(f"{url}/{ACCOUNT}")
        try:
            tenants, keys, _ = await TenantStore(tables).list()
            deployments = await DeploymentStore(tables, Seal.from_setting(ENCRYPTION_KEY)).list()
        finally:
            await tables.close()
    assert len({each.id for each in tenants}) == len(keys) == 130
    assert all(each.limits == LIMITS for each in tenants)
    assert keys[77].matches(api_key_of(77))
    assert len({each.id for each in deployments}) == 110
    assert all(each.active and each.endpoint_key == f"key-{number}" for number, each in enumerate(deployments))


def test_choosing_among_a_thousand_costs_no_more_than_twice_choosing_among_ten() -> None:
    costs = microseconds((10, 1000))
    assert costs[1000] < 2 * costs[10]
