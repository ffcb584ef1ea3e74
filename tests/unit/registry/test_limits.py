"""Limits, tenant models and time zones: pure, and exact."""

from __future__ import annotations

import pytest

from gateway.registry.limits import FIELDS, MEANINGS, Limit, Limits, dollars, nanodollars
from gateway.registry.snapshot import build
from gateway.registry.tenant_models import TenantModel, TenantModels
from gateway.registry.time_zones import UnknownTimeZone, time_zone, time_zones
from tests.builders import EPOCH, api_key, tenant


def model(name: str, **fields: object) -> TenantModel:
    defaults: dict[str, object] = {"tenant_id": "local", "model_id": f"id-of-{name}", "provider": "openai"}
    return TenantModel(name=name, created_at=EPOCH, updated_at=EPOCH, **{**defaults, **fields})  # type: ignore[arg-type]


def test_every_field_has_its_meaning_and_zero_is_a_limit() -> None:
    assert tuple(MEANINGS) == FIELDS
    assert Limits().each() == ()
    assert Limits(rpm=0, monthly_cost_limit=0.1).each() == (
        Limit("requests", "minute", 0),
        Limit("cost", "month", 100_000_000),
    )
    names = [limit.name for limit in Limits(**dict.fromkeys(FIELDS, 1)).each()]  # type: ignore[arg-type]
    assert len(set(names)) == 9 and names[0] == "requests_minute"


def test_money_is_exact() -> None:
    assert [nanodollars(each) for each in (0.1, 1e-9, 9.99e-10, 3, 1e9)] == [10**8, 1, 0, 3 * 10**9, 10**18]
    assert [dollars(each) for each in (10**8, 1, 0)] == [0.1, 1e-09, 0.0]


def test_a_tenants_models_are_known_by_name_and_the_preferred_one_counts() -> None:
    twins = [model("a", priority=1, model_id="x"), model("a", priority=2, model_id="y", provider="azure")]
    off = model("off", is_enabled=False, is_default=True)
    default = model("b", is_default=True, priority=0)
    models = TenantModels.of([*twins, off, default])
    assert {name: each.model_id for name, each in models.by_name.items()} == {"a": "y", "b": "id-of-b"}
    assert models.default == default
    assert [each.model_id for each in models.all] == ["id-of-off", "y", "x", "id-of-b"]
    assert TenantModels.of([off]).default is None


def test_a_snapshot_knows_what_each_tenant_configured() -> None:
    mine, keys = model("a"), [api_key(), api_key("rh-other-x", tenant_id="other")]
    snapshot = build([], [tenant(), tenant(id="other")], keys, tenant_models=[mine])
    assert snapshot.callers["local0"].models.all == (mine,)
    assert snapshot.callers["other"].models == TenantModels()


def test_time_zones_are_those_of_iana() -> None:
    assert {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia"} <= time_zones()
    assert time_zone("Europe/Berlin") is time_zone("Europe/Berlin")
    assert time_zone("UTC").key == "UTC"
    for wrong in ("Berlin", "../../etc/passwd", "", "localtime", "europe/berlin", "\x00"):
        with pytest.raises(UnknownTimeZone):
            time_zone(wrong)
