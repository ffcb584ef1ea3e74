"""Routes of stored keys: create, list, get, update, rotate, delete."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from gateway.errors import AlreadyExists, BodyTooLarge, Conflict, EncryptionNotConfigured, InvalidRequest, NotFound
from gateway.management import credentials
from gateway.management.context import Context
from gateway.management.endpoint_models import Nothing
from gateway.management.error_models import documented_mlflow
from gateway.management.key_models import (
    KeyAnswer,
    KeysAnswer,
    StoredKeyChange,
    StoredKeyChoice,
    StoredKeyCreation,
    StoredKeyFilter,
    StoredKeyQuery,
    StoredKeyRotation,
    StoredKeyView,
)
from gateway.registry.keys import Key
from gateway.storage.keys import missing

router = APIRouter(tags=["keys"])


@router.post(
    "/keys/create",
    summary="Store a key",
    response_description="The key as it is stored, without its value.",
    responses=documented_mlflow(InvalidRequest, AlreadyExists, Conflict, BodyTooLarge, EncryptionNotConfigured),
)
async def create_stored_key(creation: StoredKeyCreation, context: Context) -> KeyAnswer:
    """Stores a provider's credential, for deployments and models of endpoints to name."""
    _check(creation.provider, creation.value)
    now = datetime.now(UTC)
    key = Key(
        id=uuid.uuid4().hex,
        name=creation.name,
        provider=creation.provider,
        value=creation.value,
        created_at=now,
        updated_at=now,
    )
    await context.keys.create(key)
    return KeyAnswer(key=StoredKeyView.of(key))


@router.get(
    "/keys/list",
    summary="List keys",
    response_description="The keys, perhaps none.",
    responses=documented_mlflow(InvalidRequest),
)
async def list_stored_keys(wanted: Annotated[StoredKeyFilter, Query()], context: Context) -> KeysAnswer:
    """Every stored key, or those of a provider, by name; without their values."""
    found = [each for each in await context.keys.list() if wanted.provider in (None, each.provider)]
    found.sort(key=lambda each: each.name)
    return KeysAnswer(keys=[StoredKeyView.of(each) for each in found])


@router.get(
    "/keys/get",
    summary="Read a key",
    response_description="The key, without its value.",
    responses=documented_mlflow(InvalidRequest, NotFound),
)
async def get_stored_key(asked: Annotated[StoredKeyQuery, Query()], context: Context) -> KeyAnswer:
    """One key, by id or by name: give one of the two."""
    if (asked.key_id is None) == (asked.name is None):
        raise InvalidRequest("give either key_id or name", param="key_id")
    if asked.key_id is not None:
        found = await context.keys.read(asked.key_id)
        if found is None:
            raise missing(asked.key_id)
    else:
        found = await context.keys.find(str(asked.name))
        if found is None:
            raise NotFound(f"There is no key named {asked.name!r}.")
    return KeyAnswer(key=StoredKeyView.of(found))


@router.post(
    "/keys/update",
    summary="Rename a key",
    response_description="The key as it is stored now.",
    responses=documented_mlflow(
        InvalidRequest, NotFound, AlreadyExists, Conflict, BodyTooLarge, EncryptionNotConfigured
    ),
)
async def update_stored_key(change: StoredKeyChange, context: Context) -> KeyAnswer:
    """Gives the key another name. Its provider can't be changed, and its value is changed by `keys/rotate`."""

    def renamed(before: Key) -> Key:
        if change.name in (None, before.name):
            return before
        return replace(before, name=str(change.name), updated_at=datetime.now(UTC))

    return KeyAnswer(key=StoredKeyView.of(await context.keys.update(change.key_id, renamed)))


@router.post(
    "/keys/rotate",
    summary="Rotate a key",
    response_description="The key as it is stored now.",
    responses=documented_mlflow(InvalidRequest, NotFound, Conflict, BodyTooLarge, EncryptionNotConfigured),
)
async def rotate_stored_key(rotation: StoredKeyRotation, context: Context) -> KeyAnswer:
    """Gives the key another value. Deployments that name it use that: here at once, elsewhere within 5 seconds."""

    def rotated(before: Key) -> Key:
        _check(before.provider, rotation.value)
        now = datetime.now(UTC)
        return replace(before, value=rotation.value, updated_at=now, rotated_at=now)

    stored = await context.keys.update(rotation.key_id, rotated)
    await context.registry.refresh(force=True)
    return KeyAnswer(key=StoredKeyView.of(stored))


@router.post(
    "/keys/delete",
    summary="Delete a key",
    response_description="It is gone.",
    responses=documented_mlflow(InvalidRequest, NotFound, Conflict, BodyTooLarge),
)
async def delete_stored_key(choice: StoredKeyChoice, context: Context) -> Nothing:
    """Removes a key, for good. Refused while a deployment uses it."""
    using = [repr(each.id) for each in await context.deployments.list() if each.key_id == choice.key_id]
    if using:
        raise Conflict(f"The key is used by the deployment {', '.join(using)}: give those another key first.")
    if not await context.keys.delete(choice.key_id):
        raise missing(choice.key_id)
    return Nothing()


def _check(provider: str, value: str) -> None:
    rule = credentials.problem(provider, value)
    if rule is not None:
        raise InvalidRequest(f"value {rule}", param="value")
