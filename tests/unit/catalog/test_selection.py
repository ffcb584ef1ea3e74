"""The choice of a model: what would do, what comes first, and what is said of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.models import CatalogModel
from gateway.catalog.selection import Candidate, Task, choose, estimated_cost
from tests.builders import EPOCH

TODAY = date(2026, 11, 20)
EMBED = Task(model_type="embedding", tokens=1500)


def model(name: str = "embed", cost: float | None = 0.02, **fields: Any) -> CatalogModel:
    defaults: dict[str, Any] = {"provider": "contoso", "model_type": "embedding", "max_tokens": 8192}
    return CatalogModel(
        model_id=name,
        model_name=name,
        cost_per_million_tokens=cost,
        created_at=EPOCH,
        updated_at=EPOCH,
        **{**defaults, **fields},
    )


def candidate(name: str = "embed", cost: float | None = 0.02, **fields: Any) -> Candidate:
    return Candidate(model=model(name, cost), **fields)


def wanting(name: str) -> Task:
    return Task(model_type="embedding", tokens=1500, requested=name)


def chosen(*candidates: Candidate, task: Task = EMBED) -> tuple[str, str, bool]:
    choice = choose(candidates, task, TODAY)
    assert choice is not None
    return choice.candidate.model.model_id, choice.reason, choice.fallback_available


def test_the_requested_model_comes_before_all() -> None:
    others = candidate("a", is_default=True, priority=9), candidate("b", cost=0)
    assert chosen(*others, candidate("c"), task=wanting("c")) == ("c", "requested_model", True)
    assert chosen(*others, candidate("c"), task=wanting(model("c").id)) == ("c", "requested_model", True)


def test_then_the_default_then_priority_then_price_then_name() -> None:
    low, high = candidate("z", cost=0, priority=1), candidate("a", cost=9, priority=2)
    assert chosen(low, high, candidate("m", cost=99, is_default=True)) == ("m", "default_model", True)
    assert chosen(low, high) == ("a", "highest_priority", True)
    assert chosen(candidate("b", cost=2), candidate("c", cost=1)) == ("c", "lowest_cost", True)
    assert chosen(candidate("b"), candidate("a")) == ("a", "lowest_cost", True)


def test_an_unknown_price_is_no_low_one() -> None:
    assert chosen(candidate("a", cost=None), candidate("b", cost=5)) == ("b", "lowest_cost", True)
    assert chosen(candidate("b", cost=None), candidate("a", cost=None)) == ("a", "highest_priority", True)
    assert chosen(candidate("a", cost=0), candidate("b", cost=None)) == ("a", "lowest_cost", True)


def test_the_only_one_has_no_fallback() -> None:
    assert chosen(candidate()) == ("embed", "highest_priority", False)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"model_type": "chat"}, "it is of type chat, not embedding"),
        ({"is_deprecated": True}, "it is deprecated"),
        ({"deprecation_date": TODAY}, "it is deprecated"),
        ({"is_available": False}, "it is not available"),
        ({"max_tokens": 1000}, "its input is at most 1,000 tokens, and 1,500 are estimated"),
    ],
)
def test_what_would_not_do_is_never_chosen_and_a_fallback_says_why(fields: dict[str, Any], why: str) -> None:
    wrong = Candidate(model=model("wrong", **fields), is_default=True, priority=9)
    assert choose([wrong], EMBED, TODAY) is None
    choice = choose([wrong, candidate("other")], wanting("wrong"), TODAY)
    assert choice is not None
    assert (choice.candidate.model.model_id, choice.reason) == ("other", "fallback")
    assert choice.fallback_reason == f"the requested model can't be used: {why}"


def test_an_input_without_a_known_longest_always_fits() -> None:
    assert (
        chosen(Candidate(model=model(max_tokens=None)), task=Task(model_type="embedding", tokens=10**9))[0] == "embed"
    )


def test_a_model_that_the_tenant_does_not_have_falls_back() -> None:
    choice = choose([candidate("a", is_default=True)], wanting("unknown"), TODAY)
    assert choice is not None
    assert (choice.reason, choice.fallback_available) == ("fallback", False)
    assert choice.fallback_reason == "the requested model is not one that this tenant can use"


def test_one_within_quota_comes_before_the_requested_one_out_of_it() -> None:
    spent = candidate("spent", within_quota=False, quota_remaining=0, is_default=True)
    choice = choose([spent, candidate("b")], wanting("spent"), TODAY)
    assert choice is not None
    assert (choice.candidate.model.model_id, choice.reason) == ("b", "fallback")
    assert choice.fallback_reason == "the requested model can't be used: its quota is spent"
    assert chosen(spent, candidate("b")) == ("b", "highest_priority", False)


def test_when_all_are_out_of_quota_the_best_of_them_is_answered() -> None:
    spent = [candidate(name, within_quota=False) for name in "ab"]
    assert chosen(*spent) == ("a", "lowest_cost", False)
    assert chosen(*spent, task=wanting("b")) == ("b", "requested_model", False)


def test_of_nothing_nothing_is_chosen() -> None:
    assert choose([], EMBED, TODAY) is None


def test_a_cost_is_exact_and_unknown_where_the_price_is() -> None:
    assert estimated_cost(model(cost=0.02), 1500) == 0.00003
    assert estimated_cost(model(cost=0), 1500) == 0.0
    assert estimated_cost(model(cost=None), 1500) is None


CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.sampled_from("abcdef"),
        st.none() | st.sampled_from([0.0, 0.1, 2.0]),
        is_default=st.booleans(),
        priority=st.integers(0, 3),
        within_quota=st.booleans(),
    ),
    min_size=1,
    unique_by=lambda each: each.model.model_id,
)


@given(candidates=CANDIDATES, turn=st.randoms())
def test_the_choice_does_not_depend_on_the_order_and_is_within_quota_if_any_is(candidates: Any, turn: Any) -> None:
    first = choose(candidates, EMBED, TODAY)
    turn.shuffle(candidates)
    assert choose(candidates, EMBED, TODAY) == first is not None
    assert first.candidate.within_quota == any(each.within_quota for each in candidates)
    ready = sum(each.within_quota for each in candidates)
    assert first.fallback_available == (ready - first.candidate.within_quota > 0)
