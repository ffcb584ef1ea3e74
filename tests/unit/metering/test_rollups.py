"""Roll-ups: sums that do not depend on the order in which they are made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.metering.rollups import TOTALS, Dimensions, Totals, counts_of, dimensions_of, merged, rolled_up, summed
from gateway.openai.tokens import Tokens
from tests.unit.usage.ledger import MODEL_ID, charged

COUNTS = st.integers(0, 2**40)
SUMS = st.builds(Totals, **dict.fromkeys(TOTALS, COUNTS))
WHOSE = st.builds(Dimensions, model_id=st.sampled_from("ab"), key_id=st.sampled_from("cd"))
PARTS = st.lists(st.tuples(WHOSE, SUMS), max_size=8)


def total_of(*calls):
    return summed(map(counts_of, calls))


@given(a=SUMS, b=SUMS, c=SUMS)
def test_adding_totals_is_associative_and_commutative_and_nothing_is_neutral(a, b, c):
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Totals() == a


@given(parts=PARTS, split=st.integers(0, 8))
def test_sums_are_the_same_in_whatever_order_and_pieces_they_are_merged(parts, split):
    whole = merged(parts)
    assert merged(reversed(parts)) == whole
    assert merged([*merged(parts[:split]).items(), *merged(parts[split:]).items()]) == whole
    assert sum(each.requests for each in whole.values()) == sum(each.requests for _, each in parts)


def test_a_call_is_counted_with_all_that_it_used():
    tokens = Tokens(
        input=100,
        output=50,
        cached_input=30,
        reasoning=20,
        audio_input=4,
        audio_output=6,
        image_input=1,
        image_output=2,
        images=3,
        characters=70,
        seconds=1.2345,
    )
    found = total_of(charged(tokens=tokens, cost=99, latency_ms=12.6))
    assert found == Totals(
        requests=1,
        input_tokens=100,
        output_tokens=50,
        cached_tokens=30,
        reasoning_tokens=20,
        audio_tokens=10,
        image_tokens=3,
        images=3,
        characters=70,
        milliseconds=1234,
        cost=99,
        measured=1,
        latency_ms=13,
    )
    assert found.total_tokens == 150


def test_a_call_failed_from_status_400_on_and_when_its_stream_broke_off():
    failed = {status: total_of(charged(status=status)).failed for status in (0, 200, 399, 400, 499, 503)}
    assert failed == {0: 1, 200: 0, 399: 0, 400: 1, 499: 1, 503: 1}


def test_each_call_is_measured_estimated_or_unpriced():
    for cost, measured, counts in ((1, True, (1, 0, 0)), (1, False, (0, 1, 0)), (None, True, (0, 0, 1))):
        found = total_of(charged(cost=cost, measured=measured))
        assert (found.measured, found.estimated, found.unpriced) == counts
        assert found.cost == (cost or 0)


def test_calls_are_told_apart_by_what_the_registry_knows_and_never_by_the_name_that_was_typed():
    assert len(rolled_up(charged(model=f"typed-{number}") for number in range(100))) == 1
    for name, value in {
        "provider": "openai",
        "upstream_model": "other",
        "operation": "embedding",
        "deployment": "openai-chat/west",
        "key_id": "other",
        "endpoint": "support",
    }.items():
        assert len(rolled_up([charged(), charged(**{name: value})])) == 2
    assert len(rolled_up([charged(), charged(model_id="other")])) == 2
    nothing = dimensions_of(charged(model_id="", provider=None, upstream_model=None, deployment=None))
    assert (nothing.provider, nothing.upstream_model, nothing.deployment, nothing.endpoint) == ("", "", "", "")


def test_the_hash_of_dimensions_is_the_same_everywhere_and_another_for_others():
    assert dimensions_of(charged()).hash == dimensions_of(charged(9, status=500)).hash
    assert Dimensions(model_id="a", provider="b").hash != Dimensions(model_id="ab").hash
    assert Dimensions(model_id=MODEL_ID).hash == "2052307621bddd722955d9eb1bb83da7"
