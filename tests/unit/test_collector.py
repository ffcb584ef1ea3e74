"""The garbage collector's settings."""

from __future__ import annotations

import gc

from gateway.collector import OBJECTS, look_less_often


def test_the_collector_looks_less_often_and_is_otherwise_left_as_it_was():
    before = gc.get_threshold()
    try:
        look_less_often()
        assert gc.get_threshold() == (OBJECTS, *before[1:])
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)
