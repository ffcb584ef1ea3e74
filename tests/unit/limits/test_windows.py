"""Windows of the calendar, in a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.windows import window

BERLIN, NEW_YORK, SANTIAGO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("America/Santiago")
ZONES = (UTC, BERLIN, NEW_YORK, SANTIAGO, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Apia"))
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2040, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(["minute", "day", "month"]))
def test_every_moment_is_in_one_window_and_the_next_begins_where_it_ends(now, zone, period):
    here = window(period, now, zone)
    assert here.start <= now < here.end
    following = window(period, here.end, zone)
    assert following.start == here.end
    assert following.key > here.key
    assert window(period, here.start, zone) == here == window(period, here.end - timedelta(microseconds=1), zone)


def test_days_are_the_zones_and_have_23_or_25_hours_when_its_clocks_change():
    for zone, day, hours in (
        (UTC, datetime(2026, 3, 29, 12), 24),
        (BERLIN, datetime(2026, 3, 29, 12), 23),
        (BERLIN, datetime(2026, 10, 25, 12), 25),
        (NEW_YORK, datetime(2026, 3, 8, 12), 23),
        # Its clocks change at midnight: this day begins at one.
        (SANTIAGO, datetime(2026, 9, 6, 12), 23),
    ):
        here = window("day", day.replace(tzinfo=zone), zone)
        assert here.end - here.start == timedelta(hours=hours), zone
        assert here.key == f"{day:%Y-%m-%d}"


def test_a_day_begins_at_the_zones_midnight():
    here = window("day", datetime(2026, 1, 1, 22, 59, 59, tzinfo=UTC), BERLIN)
    assert (here.key, here.end) == ("2026-01-01", datetime(2026, 1, 1, 23, tzinfo=UTC))


def test_months_are_as_long_as_they_are():
    for now, end in (
        (datetime(2028, 2, 29, 23, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
    ):
        assert window("month", now, UTC).end == end


def test_the_hour_that_is_repeated_has_minutes_of_its_own():
    first = window("minute", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), BERLIN)
    second = window("minute", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), BERLIN)
    assert first.key < second.key
