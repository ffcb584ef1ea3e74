"""The open routes: the tenant plane's OpenAPI document, and a page for people made from it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.management.docs import POLICY
from gateway.management.page import render

router = APIRouter(tags=["documentation"])


@router.get("/openapi.json", summary="This API as an OpenAPI document", response_description="The document.")
async def read_openapi(request: Request) -> JSONResponse:
    """OpenAPI 3.1; needs no credential."""
    return JSONResponse(request.app.openapi())


@router.get(
    "/docs",
    summary="This API as a page for people",
    response_description="The page.",
    response_class=HTMLResponse,
)
async def read_docs(request: Request) -> HTMLResponse:
    """HTML without scripts; needs no credential."""
    document: dict[str, Any] = request.app.openapi()
    # The page's examples are an operator's; here a tenant calls.
    page = render(document).replace("Authorization: Bearer $MANAGEMENT_TOKEN", "X-API-Key: $API_KEY")
    return HTMLResponse(page, headers={"content-security-policy": POLICY})
