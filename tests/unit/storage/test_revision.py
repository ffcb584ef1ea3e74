"""The revision marker changes with every touch and with nothing else."""

from __future__ import annotations

from gateway.storage.memory import MemoryTables
from gateway.storage.revision import current, touch
from gateway.storage.rows import Row


async def test_before_the_first_write_there_is_no_marker(tables: MemoryTables) -> None:
    assert await current(tables) is None


async def test_every_touch_makes_another_marker(tables: MemoryTables) -> None:
    markers = []
    for _ in range(5):
        await touch(tables)
        markers.append(await current(tables))
    assert None not in markers
    assert len(set(markers)) == 5


async def test_the_marker_stays_while_nobody_touches_it(tables: MemoryTables) -> None:
    await touch(tables)
    before = await current(tables)
    await tables.put("management", Row("management", "token"))
    assert await current(tables) == before


async def test_the_marker_tells_two_touches_apart_even_within_one_tick_of_storages_clock(tables: MemoryTables) -> None:
    class Coarse(MemoryTables):
        async def get(self, table: str, partition: str, key: str) -> Row | None:
            row = await super().get(table, partition, key)
            return None if row is None else Row(row.partition, row.key, row.values, "same")

    coarse = Coarse()
    await touch(coarse)
    before = await current(coarse)
    await touch(coarse)
    assert await current(coarse) != before


async def test_looking_costs_one_point_read(tables: MemoryTables) -> None:
    await current(tables)
    assert tables.calls == {"get": 1}
