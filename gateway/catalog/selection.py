"""The choice of a model for a task: which of those that a tenant may use, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from gateway.catalog.models import TOKENS_A_COST_IS_FOR, CatalogModel

Reason = Literal["requested_model", "default_model", "highest_priority", "lowest_cost", "fallback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that a tenant may use. priority: higher is preferred. within_quota: whether the task's call would pass
    every limit now. quota_remaining: tokens that may still be used; None: no limit on them."""

    model: CatalogModel
    is_default: bool = False
    priority: int = 0
    within_quota: bool = True
    quota_remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a model is wanted for.

    requested: the provider's name of a model, or its UUID. tokens: the estimate of its input.
    """

    model_type: str
    tokens: int = 0
    requested: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen one. fallback_available: whether another one would do. fallback_reason: why the requested one would
    not, when another is chosen in its place."""

    candidate: Candidate
    reason: Reason
    fallback_available: bool
    fallback_reason: str | None = None


def choose(candidates: Iterable[Candidate], task: Task, today: date) -> Choice | None:
    """The best candidate for a task; None when none would do.

    The requested one comes first, then the default, then the highest priority, the lowest known price, the name. One
    out of quota is chosen only when all are.
    """
    known = list(candidates)
    able = sorted((each for each in known if obstacle(each.model, task, today) is None), key=_order)
    ready = [each for each in able if each.within_quota]
    pool = ready or able
    if not pool:
        return None
    requested = next((each for each in pool if _is_named(each.model, task.requested)), None)
    chosen = requested or pool[0]
    others = [each for each in ready if each is not chosen]
    if requested is not None:
        return Choice(chosen, "requested_model", bool(others))
    if task.requested is not None:
        return Choice(chosen, "fallback", bool(others), _why_not(known, task, today))
    return Choice(chosen, _reason(chosen, pool), bool(others))


def obstacle(model: CatalogModel, task: Task, today: date) -> str | None:
    """Why a model would not do for a task, quota aside; None when it would."""
    if model.model_type != task.model_type:
        return f"it is of type {model.model_type}, not {task.model_type}"
    if model.deprecated(today):
        return "it is deprecated"
    if not model.available(today):
        return "it is not available"
    if model.max_tokens is not None and task.tokens > model.max_tokens:
        return f"its input is at most {model.max_tokens:,} tokens, and {task.tokens:,} are estimated"
    return None


def estimated_cost(model: CatalogModel, tokens: int) -> float | None:
    """US dollars for so many tokens of input; None when the price is not known."""
    if model.cost_per_million_tokens is None:
        return None
    return float(Decimal(repr(model.cost_per_million_tokens)) * tokens / TOKENS_A_COST_IS_FOR)


def _order(candidate: Candidate) -> tuple[bool, int, float, str, str]:
    model = candidate.model
    price = model.cost_per_million_tokens
    cost = float("inf") if price is None else price
    return not candidate.is_default, -candidate.priority, cost, model.model_id, model.provider


def _reason(chosen: Candidate, pool: list[Candidate]) -> Reason:
    """What set the first of a pool apart."""
    if chosen.is_default:
        return "default_model"
    rivals = [each for each in pool if each is not chosen and each.priority == chosen.priority]
    return "lowest_cost" if rivals and chosen.model.cost_per_million_tokens is not None else "highest_priority"


def _is_named(model: CatalogModel, name: str | None) -> bool:
    return name is not None and name in (model.model_id, model.id)


def _why_not(candidates: list[Candidate], task: Task, today: date) -> str:
    """Why the requested model was not chosen."""
    named = [each.model for each in candidates if _is_named(each.model, task.requested)]
    if not named:
        return "the requested model is not one that this tenant can use"
    return f"the requested model can't be used: {obstacle(named[0], task, today) or 'its quota is spent'}"
