"""Azure Tables over the network; with its two neighbours the only user of the storage SDK."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.errors import StorageUnavailable
from gateway.settings import SettingError, Settings
from gateway.storage.entities import to_entity, to_row
from gateway.storage.failures import RETRY_SECONDS, TableMissing, answered
from gateway.storage.rows import Row, RowChanged, check_storable, is_key

if TYPE_CHECKING:
    from azure.data.tables import TableEntity
    from azure.data.tables.aio import TableClient, TableServiceClient

T = TypeVar("T")
Page = AsyncIterator["TableEntity"]

# A connection that fails is tried once more, at once (the SDK spares POST); a late or failing answer is not, so that
# silence costs two connects or one read, and nobody who waits has to wait for as long as a busy storage would like.
LIMITS: dict[str, Any] = {
    "connection_timeout": 2.0,
    "read_timeout": 5.0,
    "retry_total": 1,
    "retry_connect": 1,
    "retry_read": 0,
    "retry_status": 0,
}
# The SDK decodes a page in one go: 500 rows hold the loop for about 20 ms, a thousand for 40. A hundred do for 5, but
# take five times the requests and their latency.
ROWS_IN_A_PAGE = 500
# A page behind the first is tried again after so many seconds, or half of that by chance: who answered a moment ago is
# busy, not gone, and what was read is not read again.
PAGE_PAUSES = (0.5, 1.0, 2.0)
# The only texts that filters are made of; what is asked for is given to the SDK as their parameters.
FILTERS = {"partition": "PartitionKey eq @partition", "first": "RowKey ge @first", "last": "RowKey le @last"}


def connect(settings: Settings) -> AzureTables:
    """The storage that the settings name. No connection is made yet. SettingError if they name none."""
    if settings.tables_endpoint:
        if not settings.tables_endpoint.startswith("https://"):
            raise SettingError("TABLES_ENDPOINT must begin with https://: a token is sent there")
        return AzureTables(endpoint=settings.tables_endpoint)
    if settings.storage_connection:
        return AzureTables(connection=settings.storage_connection)
    raise SettingError("no storage is configured: set AzureWebJobsStorage or TABLES_ENDPOINT")


class AzureTables:
    """The port `Tables`, by connection string or by endpoint and DefaultAzureCredential.

    The SDK is imported and its client made by the first call, in the loop that runs then. The client holds no state
    that outlives a failed call, so a storage that comes back is used again at once.
    """

    def __init__(self, *, connection: str = "", endpoint: str = "") -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._open = AsyncExitStack()
        self._service: TableServiceClient | None = None
        self._clients: dict[str, TableClient] = {}

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """A point read."""
        if not (is_key(partition) and is_key(key)):
            return None

        async def read(client: TableClient) -> Row:
            return to_row(await client.get_entity(partition, key))

        try:
            return await self._call(table, read)
        except (RowChanged, TableMissing):
            return None

    async def list(
        self, table: str, partition: str | None = None, *, first: str | None = None, last: str | None = None
    ) -> list[Row]:
        """All rows, or those of one partition, in key order. What is asked for are parameters, never part of a filter.

        A range whose end is no key is found empty.
        """
        given = zip(FILTERS, (partition, first, last), strict=True)
        asked = {name: text for name, text in given if text is not None}
        if not all(map(is_key, asked.values())):
            return []

        client = self._client(table)
        if partition is None:
            entities = client.list_entities(results_per_page=ROWS_IN_A_PAGE)
        else:
            entities = client.query_entities(
                " and ".join(FILTERS[name] for name in asked), parameters=asked, results_per_page=ROWS_IN_A_PAGE
            )
        pages = entities.by_page()
        rows: list[Row] = []
        try:
            # Page by page, so that the limit of one answer does not limit how many rows there may be.
            page = await answered(anext(pages, None))
            while page is not None:
                rows += await answered(_rows(page))
                page = await _next_page(pages)
        except TableMissing:
            return []
        return rows

    async def create(self, table: str, row: Row) -> Row:
        """Add a row."""
        check_storable(row)
        # As a transaction, because the SDK's own create fails to decode half of its errors.
        steps: list[Any] = [("create", to_entity(row))]
        written = await self._write(table, lambda client: client.submit_transaction(steps))
        return _stored(row, written[0])

    async def replace(self, table: str, row: Row) -> Row:
        """Write over the version that `row.etag` names."""
        from azure.core import MatchConditions

        check_storable(row)
        try:
            written = await self._call(
                table,
                lambda client: client.update_entity(
                    to_entity(row), "replace", etag=row.etag, match_condition=MatchConditions.IfNotModified
                ),
            )
        except TableMissing:
            raise RowChanged from None
        return _stored(row, written)

    async def put(self, table: str, row: Row) -> Row:
        """Write whatever was there."""
        check_storable(row)
        written = await self._write(table, lambda client: client.upsert_entity(to_entity(row), "replace"))
        return _stored(row, written)

    async def delete(self, table: str, partition: str, key: str) -> bool:
        """Remove a row."""
        if not (is_key(partition) and is_key(key)):
            return False
        try:
            # As a transaction, because the SDK's own delete takes every 404 for "no such row", a stranger's too.
            await self.transact(table, delete=[Row(partition, key)])
        except RowChanged:
            return False
        return True

    async def transact(
        self, table: str, *, create: Sequence[Row] = (), replace: Sequence[Row] = (), delete: Sequence[Row] = ()
    ) -> Sequence[Row]:
        """All or nothing."""
        from azure.core import MatchConditions

        for row in (*create, *replace):
            check_storable(row)
        steps: list[Any] = [("create", to_entity(row)) for row in create]
        for row in replace:
            held = {"mode": "replace", "etag": row.etag, "match_condition": MatchConditions.IfNotModified}
            steps.append(("update", to_entity(row), held))
        for row in delete:
            known = {"etag": row.etag, "match_condition": MatchConditions.IfNotModified} if row.etag else {}
            steps.append(("delete", to_entity(row), known))
        call = self._write if create else self._call
        try:
            answers = await call(table, lambda client: client.submit_transaction(steps))
        except TableMissing:
            if create:
                raise
            raise RowChanged from None
        return [_stored(row, answer) for row, answer in zip((*create, *replace), answers, strict=False)]

    async def close(self) -> None:
        """Let go of connections; a later call would make new ones."""
        self._service = None
        self._clients.clear()
        await self._open.aclose()

    async def _write(self, table: str, call: Callable[[TableClient], Awaitable[T]]) -> T:
        """A write that makes its table if that is missing."""
        try:
            return await self._call(table, call)
        except TableMissing:
            await answered(self._connected().create_table_if_not_exists(table))
            return await self._call(table, call)

    async def _call(self, table: str, call: Callable[[TableClient], Awaitable[T]]) -> T:
        return await answered(call(self._client(table)))

    def _client(self, table: str) -> TableClient:
        client = self._clients.get(table)
        if client is None:
            client = self._clients[table] = self._connected().get_table_client(table)
        return client

    def _connected(self) -> TableServiceClient:
        if self._service is None:
            self._service = self._make()
            self._open.push_async_callback(self._service.close)
        return self._service

    def _make(self) -> TableServiceClient:
        from azure.data.tables.aio import TableServiceClient

        # It would tell of every request, which is one every few seconds for ever.
        logging.getLogger("azure.core").setLevel(logging.WARNING)
        try:
            if not self._endpoint:
                return TableServiceClient.from_connection_string(self._connection, **LIMITS)
            from azure.identity.aio import DefaultAzureCredential

            # It would warn at every attempt; what went wrong is said once, by the registry.
            logging.getLogger("azure.identity").setLevel(logging.ERROR)
            credential = DefaultAzureCredential()
            self._open.push_async_callback(credential.close)
            return TableServiceClient(self._endpoint, credential=credential, **LIMITS)
        except ValueError:
            source = "TABLES_ENDPOINT" if self._endpoint else "AzureWebJobsStorage"
            raise StorageUnavailable(f"{source} does not name a storage account.", retry_after=RETRY_SECONDS) from None


def _stored(row: Row, answer: Mapping[str, Any]) -> Row:
    """What was written, in the version that storage made of it."""
    return replace(row, etag=answer["etag"])


async def _next_page(pages: AsyncIterator[Page]) -> Page | None:
    for pause in PAGE_PAUSES:
        try:
            return await answered(anext(pages, None))
        except TableMissing:
            raise
        except StorageUnavailable:
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
    return await answered(anext(pages, None))


async def _rows(page: Page) -> list[Row]:
    return [to_row(entity) async for entity in page]
