"""The worker shim, against a stand-in for the worker's coordinator; the real one is in tests/functions."""

import logging
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from gateway.functions.worker_shim import CHATTY_LOGGERS, COORDINATOR_MODULES, forget_answered_requests, tune_worker


class Coordinator:
    """What the worker's HttpCoordinator does with a response, and nothing else."""

    def __init__(self) -> None:
        self._context_references = {"a": "answer", "b": None}

    def _pop_http_response(self, invocation_id: str) -> Any:
        if self._context_references[invocation_id] is None:
            raise ValueError("no response")
        return self._context_references[invocation_id]


@pytest.fixture
def coordinator() -> type[Coordinator]:
    return type("HttpCoordinator", (Coordinator,), {"_pop_http_response": Coordinator._pop_http_response})


@pytest.fixture
def loggers() -> Iterator[None]:
    """Put the loggers back as they were."""
    before = [(logger := logging.getLogger(name), logger.level, logger.handlers[:]) for name in CHATTY_LOGGERS]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_an_answered_request_is_forgotten(coordinator: type[Coordinator]) -> None:
    forget_answered_requests(coordinator)
    made = coordinator()

    assert made._pop_http_response("a") == "answer"
    assert "a" not in made._context_references


def test_a_request_whose_answer_is_missing_is_forgotten_too(coordinator: type[Coordinator]) -> None:
    forget_answered_requests(coordinator)
    made = coordinator()

    with pytest.raises(ValueError, match="no response"):
        made._pop_http_response("b")
    assert "b" not in made._context_references


def test_mending_twice_mends_once(coordinator: type[Coordinator]) -> None:
    forget_answered_requests(coordinator)
    once = coordinator._pop_http_response
    forget_answered_requests(coordinator)

    assert coordinator._pop_http_response is once


def test_a_coordinator_with_other_insides_is_left_alone(coordinator: type[Coordinator]) -> None:
    forget_answered_requests(coordinator)
    made = coordinator()
    insides: Any = ["a"]
    made._context_references = insides

    with pytest.raises(TypeError):
        made._pop_http_response("a")
    assert insides == ["a"]


def test_a_class_that_is_no_coordinator_is_left_alone() -> None:
    forget_answered_requests(object)


@pytest.mark.parametrize("module", COORDINATOR_MODULES)
def test_the_coordinator_of_either_worker_is_found(
    module: str, coordinator: type[Coordinator], monkeypatch: pytest.MonkeyPatch, loggers: None
) -> None:
    worker = ModuleType(module)
    worker.HttpCoordinator = coordinator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module, worker)

    tune_worker()

    assert hasattr(coordinator._pop_http_response, "__wrapped__")


def test_the_workers_lines_for_every_request_are_silenced(loggers: None) -> None:
    logging.getLogger("uvicorn.access").addHandler(logging.NullHandler())

    tune_worker()

    assert not any(logging.getLogger(name).isEnabledFor(logging.INFO) for name in CHATTY_LOGGERS)
    assert not logging.getLogger("uvicorn.access").handlers
