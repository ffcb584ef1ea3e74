"""GET /v1/models: what this caller may ask for."""

from __future__ import annotations

import json
from typing import Any

from gateway.errors import ModelNotFound
from gateway.registry.deployments import Deployment
from gateway.registry.snapshot import Caller, Snapshot
from gateway.routing.eligibility import usable_models


def models_answer(snapshot: Snapshot, caller: Caller, model: str) -> bytes:
    """OpenAI's list of models, or one of them when `model` names it; raises ModelNotFound."""
    usable = usable_models(snapshot, caller.tenant)
    if not model:
        return json.dumps({"object": "list", "data": [_model(*each) for each in usable.items()]}).encode()
    if model not in usable:
        raise ModelNotFound(f"The model '{model}' does not exist or you do not have access to it.", param="model")
    return json.dumps(_model(model, usable[model])).encode()


def _model(name: str, deployment: Deployment) -> dict[str, Any]:
    # When a model was first served is not recorded; clients expect a number.
    return {"id": name, "object": "model", "created": 0, "owned_by": deployment.provider}
