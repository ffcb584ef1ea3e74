"""The open routes: the OpenAPI document, and a page for people made from it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.management.page import render

router = APIRouter(tags=["documentation"])

# The page runs nothing and fetches nothing; the browser is told to hold it to that.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@router.get("/openapi.json", summary="This API as an OpenAPI document", response_description="The document.")
async def read_openapi(request: Request) -> JSONResponse:
    """OpenAPI 3.1; needs no token."""
    return JSONResponse(request.app.openapi())


@router.get(
    "/docs",
    summary="This API as a page for people",
    response_description="The page.",
    response_class=HTMLResponse,
)
async def read_docs(request: Request) -> HTMLResponse:
    """HTML without scripts; needs no token."""
    document: dict[str, Any] = request.app.openapi()
    return HTMLResponse(render(document), headers={"content-security-policy": POLICY})
