"""How tenants, their API keys and their models stand in the rows of table `authorization`."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.registry.limits import FIELDS, MEANINGS, Limits
from gateway.registry.tenant_models import TenantModel
from gateway.registry.tenants import ApiKey, Tenant
from gateway.registry.time_zones import time_zone
from gateway.storage import columns
from gateway.storage.columns import Column, Unreadable
from gateway.storage.rows import Row, Value

TENANT = "tenant"
KEY_PREFIX = "key:"
MODEL_PREFIX = "model:"


def _limit(field: str) -> Column:
    """`daily_token_limit` stands in column `DailyTokenLimit`."""
    name = "".join(part.capitalize() for part in field.split("_"))
    return columns.number(name, field) if MEANINGS[field][0] == "cost" else columns.whole(name, field)


def _zone(name: str, field: str) -> Column:
    return Column(name, field, lambda value: time_zone(str(value)).key, str)


TENANT_COLUMNS = (
    columns.text("Name", "name", required=True),
    columns.flag("Active", "active"),
    columns.texts("Models", "models"),
    columns.moment("StartUtc", "start_utc"),
    columns.moment("EndUtc", "end_utc"),
    columns.texts("Permissions", "permissions"),
    columns.whole("MaxTokenCap", "max_token_cap"),
    _zone("TimeZone", "time_zone"),
    columns.moment("CreatedAt", "created_at", required=True),
)
KEY_COLUMNS = (
    columns.text("Name", "name", required=True),
    columns.text("Sha256", "sha256", required=True),
    columns.moment("CreatedAt", "created_at", required=True),
)
MODEL_COLUMNS = (
    columns.text("Provider", "provider", required=True),
    columns.text("Name", "name", required=True),
    columns.text("ModelType", "model_type"),
    columns.flag("IsEnabled", "is_enabled"),
    columns.flag("IsDefault", "is_default"),
    columns.whole("Priority", "priority"),
    columns.moment("CreatedAt", "created_at", required=True),
    columns.moment("UpdatedAt", "updated_at", required=True),
)
LIMIT_COLUMNS = tuple(_limit(field) for field in FIELDS)


def tenant_values(tenant: Tenant, before: Tenant | None, kept: Mapping[str, Value]) -> dict[str, Value]:
    """A tenant's columns, written over what the row holds."""
    return _limited(TENANT_COLUMNS, tenant, before, kept)


def key_values(key: ApiKey) -> dict[str, Value]:
    """An API key's columns."""
    return columns.values(KEY_COLUMNS, key, None, {})


def model_values(model: TenantModel, before: TenantModel | None, kept: Mapping[str, Value]) -> dict[str, Value]:
    """A tenant model's columns, written over what the row holds."""
    return _limited(MODEL_COLUMNS, model, before, kept)


def decode(row: Row) -> Tenant | ApiKey | TenantModel:
    """What a row holds. Raises Unreadable."""
    if row.key == TENANT:
        return Tenant(id=row.partition, **columns.fields(TENANT_COLUMNS, row), limits=_limits(row))
    if row.key.startswith(KEY_PREFIX):
        key_id = row.key.removeprefix(KEY_PREFIX)
        return ApiKey(id=key_id, tenant_id=row.partition, **columns.fields(KEY_COLUMNS, row))
    if row.key.startswith(MODEL_PREFIX):
        model_id = row.key.removeprefix(MODEL_PREFIX)
        found = columns.fields(MODEL_COLUMNS, row)
        return TenantModel(tenant_id=row.partition, model_id=model_id, **found, limits=_limits(row))
    raise Unreadable(f"its RowKey is neither {TENANT!r} nor begins with {KEY_PREFIX!r} or {MODEL_PREFIX!r}")


def _limited(
    own: tuple[Column, ...], noun: Tenant | TenantModel, before: Tenant | TenantModel | None, kept: Mapping[str, Value]
) -> dict[str, Value]:
    values = columns.values(own, noun, before, kept)
    return columns.values(LIMIT_COLUMNS, noun.limits, before and before.limits, values)


def _limits(row: Row) -> Limits:
    return Limits(**columns.fields(LIMIT_COLUMNS, row))
