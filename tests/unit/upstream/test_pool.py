"""Which connection is next, and which is none any more; time is a number."""

from __future__ import annotations

import pytest

from gateway.upstream.pool import IDLE_SECONDS, SWEEP_SECONDS, Pool


class Loop:
    """A clock that a test turns, and the calls that wait for it."""

    def __init__(self):
        self.now = 100.0
        self.due = []

    def time(self):
        return self.now

    def call_later(self, seconds, call):
        self.due.append((self.now + seconds, call))
        return self

    def turn(self, seconds):
        self.now += seconds
        due, self.due = [each for each in self.due if each[0] <= self.now], [e for e in self.due if e[0] > self.now]
        for _, call in due:
            call()


class Idle:
    """A connection, as its pool sees it."""

    def __init__(self, pool, origin="o"):
        self.pool, self.origin, self.usable, self.idle_until = pool, origin, True, 0.0

    def abort(self):
        self.usable = False
        self.pool.forget(self)


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def pool(loop):
    return Pool(loop)


def test_the_last_used_is_the_next_of_its_origin_and_each_is_had_once(pool):
    a, b, other = Idle(pool), Idle(pool), Idle(pool, "p")
    for each in (a, b, other):
        pool.keep(each, None)
    assert [pool.take("o"), pool.take("o"), pool.take("o"), pool.take("p"), pool.take("q")] == [b, a, None, other, None]


@pytest.mark.parametrize(("told", "rests"), [(None, IDLE_SECONDS), (4.0, 4.0), (600.0, IDLE_SECONDS)])
def test_a_connection_rests_no_longer_than_both_sides_keep_it(pool, loop, told, rests):
    idle = Idle(pool)
    pool.keep(idle, told)
    loop.now += rests - 0.001
    assert pool.take("o") is idle
    pool.keep(idle, told)
    loop.now += rests
    assert pool.take("o") is None
    assert not idle.usable


def test_one_that_the_upstream_keeps_no_second_is_closed_at_once(pool, loop):
    idle = Idle(pool)
    pool.keep(idle, 0.0)
    assert not idle.usable
    assert pool.take("o") is None
    assert not loop.due


def test_one_that_is_closed_is_passed_over(pool):
    a, b, c = (Idle(pool) for _ in range(3))
    for each in (a, b, c):
        pool.keep(each, None)
    b.usable = False
    c.abort()
    assert [pool.take("o"), pool.take("o")] == [a, None]


def test_a_sweep_closes_whose_time_is_over_and_ends_with_the_last(pool, loop):
    brief, long = Idle(pool), Idle(pool, "p")
    pool.keep(brief, 1.0)
    pool.keep(long, 25.0)
    assert len(loop.due) == 1
    loop.turn(SWEEP_SECONDS)
    assert (brief.usable, long.usable) == (False, True)
    loop.turn(SWEEP_SECONDS)
    loop.turn(SWEEP_SECONDS)
    assert not long.usable
    assert not loop.due
    assert not pool._idle
    pool.keep(Idle(pool), None)
    assert len(loop.due) == 1
