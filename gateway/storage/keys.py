"""The key store: table `keys`, one row for each stored credential, its value sealed, and one for its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.errors import NotFound
from gateway.registry.keys import Key
from gateway.storage import columns, revision
from gateway.storage.columns import Unreadable
from gateway.storage.named import NamedRows
from gateway.storage.rows import Row, Tables
from gateway.storage.seal import Seal, SealBroken

TABLE = "keys"
KIND = "key"
SEALED = "Value"

COLUMNS = (
    columns.text("Name", "name", required=True),
    columns.text("Provider", "provider", required=True),
    columns.moment("CreatedAt", "created_at", required=True),
    columns.moment("UpdatedAt", "updated_at", required=True),
    columns.moment("RotatedAt", "rotated_at"),
)


class KeyStore:
    """Keys at rest.

    A row that can't be read is left out, counts as none, and is named once in the log. A key whose value can't be
    opened is answered without it; its row keeps what it holds until it gets another value.
    """

    def __init__(self, tables: Tables, seal: Seal) -> None:
        self._tables = tables
        self._seal = seal
        self._rows = NamedRows(tables, TABLE, KIND)
        self._complaints = columns.Complaints(TABLE)

    async def list(self) -> list[Key]:
        """Every key that can be read, by id."""
        found = [self._read(row) for row in await self._rows.list()]
        return [key for key in found if key is not None]

    async def read(self, key_id: str) -> Key | None:
        """One key; None when there is none, or none that can be read."""
        row = await self._rows.get(key_id)
        return None if row is None else self._read(row)

    async def find(self, name: str) -> Key | None:
        """The key of a name; None when there is none, or none that can be read."""
        row = await self._rows.find(name)
        return None if row is None else self._read(row)

    async def create(self, key: Key) -> None:
        """Add a key. Raises AlreadyExists when its name is taken, EncryptionNotConfigured, and Conflict."""
        assert key.value is not None
        sealed = {SEALED: self._seal.close(key.value, _context(Row(KIND, f"{KIND}:{key.id}")))}
        await self._rows.create(key.id, {**columns.values(COLUMNS, key, None, {}), **sealed})
        await revision.touch(self._tables)

    async def update(self, key_id: str, change: Callable[[Key], Key]) -> Key:
        """Store what `change` makes of the key, and answer it.

        `change` may run several times; when it changes nothing, nothing is written, unless the value is sealed under an
        older encryption key. Raises NotFound, AlreadyExists when the new name is taken, EncryptionNotConfigured,
        Conflict, and whatever `change` raises.
        """

        def apply(row: Row) -> Row:
            before = self._required(row, key_id)
            after = change(before)
            seal_anew = after.value is not None and (
                after.value != before.value or not self._seal.is_current(str(row.values.get(SEALED)))
            )
            if after == before and not seal_anew:
                return row
            values = columns.values(COLUMNS, after, before, row.values)
            if seal_anew:
                values[SEALED] = self._seal.close(str(after.value), _context(row))
            return replace(row, values=values)

        row = await self._rows.update(key_id, apply)
        # Also when nothing was written, as in the store of deployments.
        await revision.touch(self._tables)
        return self._required(row, key_id)

    async def delete(self, key_id: str) -> bool:
        """Remove a key; whether there was one. Raises Conflict."""
        deleted = await self._rows.delete(key_id, lambda _: None)
        await revision.touch(self._tables)
        return deleted

    def _required(self, row: Row | None, key_id: str) -> Key:
        key = None if row is None else self._read(row)
        if key is None:
            raise missing(key_id)
        return key

    def _read(self, row: Row) -> Key | None:
        try:
            return Key(id=self._rows.id_of(row), value=self._open(row), **columns.fields(COLUMNS, row))
        except Unreadable as fault:
            self._complaints.about(row, f"{fault}; it is left out of the registry")
            return None

    def _open(self, row: Row) -> str | None:
        try:
            return self._seal.open(str(row.values.get(SEALED)), _context(row))
        except SealBroken as fault:
            self._complaints.about(row, f"its {SEALED} can't be opened: {fault}")
            return None


def missing(key_id: str) -> NotFound:
    """The error of an id that no key has."""
    return NotFound(f"There is no key with the id {key_id!r}.")


def _context(row: Row) -> str:
    """What a sealed value is bound to."""
    return f"{TABLE}/{row.partition}/{row.key}"
