"""What would become of a call, by the very code that would serve it; nothing is sent and no turn is taken."""

from __future__ import annotations

from urllib.parse import urlsplit

from gateway.errors import GatewayError, InvalidRequest, NotFound
from gateway.limits.rates import estimated_tokens
from gateway.openai import native
from gateway.openai.operations import Operation
from gateway.openai.request import JsonCall, read_call
from gateway.openai.routes import route
from gateway.openai.thing_ids import ThingIds, UnknownThing
from gateway.proxy.head import unknown_thing
from gateway.proxy.reading import home_of
from gateway.registry.tenants import Tenant
from gateway.routing.explain import Foreseen, explain, refused
from gateway.routing.plan import Plan
from gateway.routing.router import Router


def foresee(router: Router, tenant: Tenant, method: str, path: str, body: bytes) -> Foreseen:
    """Foresee a call as a client would send it. Raises NotFound or InvalidRequest for what would
    never get as far as routing."""
    found = route(urlsplit(path).path)
    if found is None:
        raise NotFound(f"Unknown path: {path}.", param="path", code="unknown_url")
    action = found.actions.get(method)
    if action is None:
        raise InvalidRequest(
            f"'method' must be one of {', '.join(sorted(found.actions))} for that path.", param="method"
        )
    operation = found.operation
    asked = read_call(body) if body else JsonCall()
    model = found.model or asked.model or native.model_in_path(operation.name, found.native_path or "")
    tokens = estimated_tokens(len(body), asked.most_output_tokens())
    home = None
    try:
        ids = ThingIds(router.snapshot.id_secret, tenant.identity)
        home = home_of(ids, found, body, asked)
        plan = (
            router.plan_at(home, operation, tokens)
            if home is not None
            else router.foresee(operation, model, tenant, tokens, asked.affinity())
        )
    except UnknownThing:
        return _nothing(router, operation, model, unknown_thing(path))
    except GatewayError as error:
        return _nothing(router, operation, model, error)
    candidates = explain(plan, router.snapshot, operation, model)
    nobody = None if any(each.order for each in candidates) else plan.exhausted(float)
    return Foreseen(operation, model, _pool(plan, home), candidates, nobody)


def _pool(plan: Plan, home: str | None) -> str:
    if home is not None:
        return "home"
    if plan.pool.is_endpoint:
        return "endpoint"
    return "model" if plan.pool.key[1] else "class"


def _nothing(router: Router, operation: Operation, model: str | None, error: GatewayError) -> Foreseen:
    return Foreseen(operation, model, None, refused(router.snapshot, operation, model), error)
