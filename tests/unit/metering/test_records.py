"""The record of a call, as it stands in storage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.metering.records import FIELDS, LONGEST_TEXT, Charged, from_line, to_line
from gateway.openai.tokens import Tokens
from tests.unit.usage.ledger import MODEL_ID, call, charged

COUNT = st.integers(0, 10**12)


@given(
    status=st.integers(0, 599),
    tokens=st.builds(Tokens, input=COUNT, output=COUNT, reasoning=COUNT, images=COUNT, seconds=st.floats(0, 1e6)),
    cost=st.none() | COUNT,
    model=st.none() | st.text(max_size=LONGEST_TEXT),
    measured=st.booleans(),
)
def test_a_call_comes_back_from_its_line_as_it_was(status, tokens, cost, model, measured):
    said = {"status": status, "tokens": tokens, "model": model, "measured": measured, "known_as": ()}
    before = Charged(call(3, model_id=MODEL_ID, **said), MODEL_ID, cost)
    line = to_line(before)
    assert from_line(line) == before
    assert "\n" not in line and line.isascii()


def test_a_line_is_a_list_in_the_order_of_its_fields():
    values = dict(zip(FIELDS, json.loads(to_line(charged(latency_ms=1.23456))), strict=True))
    assert values["at"] == "2026-11-20T12:00:00Z"
    assert (values["latency_ms"], values["tokens"]) == (1.235, {"input": 10, "output": 5})
    assert "tenant" in values and "known_as" not in values


def test_what_a_caller_typed_is_cut_and_no_line_is_longer_than_a_page_expects():
    texts = dict.fromkeys(("request_id", "key_id", "operation", "model", "deployment", "provider"), "東" * 10_000)
    texts |= dict.fromkeys(("tenant", "tenant_id", "upstream_model", "endpoint"), "x" * 10_000)
    line = to_line(charged(**texts))
    assert len(line) < 8 * 1024
    assert from_line(line).call.model == "東" * LONGEST_TEXT
    assert from_line(to_line(charged(model="\ud800"))).call.model == "\ud800"


def test_a_line_of_the_first_version_is_read():
    line = (
        '["2026-11-20T12:00:01+00:00","request-000001","contoso@1763629200","contoso","3f9ac2e1b07d","chat","gpt-4o",'
        '"openai-chat/east","azure","gpt-4o",null,200,1,false,100.0,40.0,true,"",7,{"input":10,"output":5}]'
    )
    assert from_line(line) == charged(1, model_id="", known_as=())


def test_a_line_of_a_newer_version_is_read_without_what_is_new():
    values = json.loads(to_line(charged()))
    values[-1]["smells"] = 3
    assert from_line(json.dumps([*values, "new"])).call.tokens == Tokens(input=10, output=5)


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "1", '["2026-11-20T12:00:00Z"]', '["never"]', "[1, 2]", "[" * 100_000, '[null, "x"]']
)
def test_what_is_no_line_of_a_call_is_a_value_error(line):
    with pytest.raises(ValueError):
        from_line(line)


def test_provenance_says_how_far_the_numbers_can_be_trusted():
    assert charged().provenance == "measured"
    assert charged(measured=False).provenance == "estimated"
    assert charged(cost=None, measured=True).provenance == "unpriced"
    assert charged(cost=0).provenance == "measured"


def test_a_moment_of_another_offset_is_kept_in_utc():
    at = datetime(2026, 11, 20, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    found = from_line(to_line(charged(at=at))).call.at
    assert found == at and found.tzinfo is UTC
