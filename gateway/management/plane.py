"""A plane that FastAPI serves: strict paths, no pages of FastAPI's own, an OpenAPI document with whole examples."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

import gateway
from gateway.management.document import completed


class Plane(FastAPI):
    """One plane's app. context: what its routes find in `request.app.state.context`."""

    def __init__(self, title: str, description: str, context: object) -> None:
        super().__init__(
            title=title,
            version=gateway.__version__,
            description=description,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            strict_content_type=False,
            generate_unique_id_function=_operation_id,
        )
        self.state.context = context

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def _operation_id(route: APIRoute) -> str:
    return route.name
