"""What it costs to choose a deployment: `Router.plan` and `Plan.next`, among few and among many."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.roundhouse import EPOCH, LIMITS
from benchmarks.table_service import deployment
from benchmarks.workload import MODEL
from gateway.limits.rates import Rates
from gateway.openai.operations import BY_NAME
from gateway.registry.snapshot import build
from gateway.registry.tenants import Tenant
from gateway.routing.cooldown import Cooldowns
from gateway.routing.router import Router

ROUNDS = 9
CHOICES = 5_000


def router(deployments: int) -> Router:
    """A router over so many deployments of one model, in one tier."""
    made = Router(Cooldowns(time.monotonic, 10.0, 120.0), Rates(time.monotonic), 4)
    made.swap(build([deployment(number, "http://127.0.0.1:1") for number in range(deployments)], [], []))
    return made


def microseconds(sizes: tuple[int, ...]) -> dict[int, float]:
    """The median cost of a choice for each size; the sizes take turns."""
    chat, tenant = BY_NAME["chat"], Tenant(id="bench", name="Benchmark", limits=LIMITS, created_at=EPOCH)
    routers = {size: router(size) for size in sizes}
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        for size, each in routers.items():
            began = time.process_time()
            for _ in range(CHOICES):
                chosen = each.plan(chat, MODEL, tenant, tokens=30).next()
                assert chosen is not None
            found[size].append((time.process_time() - began) / CHOICES * 1e6)
    return {size: median(values) for size, values in found.items()}
