"""Search, map layers, picking and the enterprise page."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from pydantic import Field

from parksight.kernel.i18n import language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, current_caller, requires, service
from parksight.registry import panel, search
from parksight.registry.layers import LAYERS, LayerCache
from parksight.registry.panel import EnterpriseTabs
from parksight.registry.picking import MAX_RADIUS_M, Picker
from parksight.registry.schemas import Clean, EnterpriseSummary, LayerInfo, PickHit, SearchHit, TabOut

router = APIRouter(tags=["registry"])
Layers = Annotated[LayerCache, Depends(service("registry_layers"))]
Picking = Annotated[Picker, Depends(service("registry_picker"))]
Tabs = Annotated[EnterpriseTabs, Depends(service("enterprise_tabs"))]
Noun = Literal["place", "enterprise", "site", "unit", "equipment", "camera", "person", "assignment"]


@router.get("/search", operation_id="search")
def find(
    caller: Annotated[Caller, Depends(current_caller)],
    session: ReadSession,
    q: Annotated[str, Query(min_length=1, max_length=search.MAX_QUERY, pattern=Clean)],
    kind: Annotated[list[Noun] | None, Query(max_length=8)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[SearchHit]:
    """Records whose code, name or details hold every word asked for, best first, within the caller's rights."""
    return search.find(session, caller, q, nouns=kind or (), limit=limit)


@router.get("/map/layers", operation_id="list_layers")
def layers(
    caller: Annotated[Caller, requires("registry.place.read")], session: ReadSession, cache: Layers
) -> list[LayerInfo]:
    """The layers this caller may draw."""
    return [
        LayerInfo(
            name=name, href=f"/api/v1/map/layers/{name}", features=cache.get(session, caller, name).features
        )
        for name, layer in LAYERS.items()
        if caller.may(f"registry.{layer.noun}.read")
    ]


@router.get(
    "/map/layers/{name}", operation_id="get_layer", response_class=Response,
    responses={200: {"content": {"application/geo+json": {}}}, 304: {"description": "not changed"}},
)  # fmt: skip
def layer(
    caller: Annotated[Caller, requires("registry.place.read")],
    session: ReadSession,
    cache: Layers,
    name: str,
    request: Request,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """A GeoJSON FeatureCollection with short property names; send its ETag back to learn of changes."""
    encoded = cache.get(session, caller, name)
    headers = {
        "etag": encoded.etag, "cache-control": "private, no-cache", "vary": "accept-encoding, cookie",
    }  # fmt: skip
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if encoded.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    body = encoded.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = encoded.gzipped
        headers["content-encoding"] = "gzip"
    return Response(body, media_type="application/geo+json", headers=headers)


@router.get("/map/pick", operation_id="pick")
def pick(
    caller: Annotated[Caller, requires("registry.place.read")],
    session: ReadSession,
    picker: Picking,
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)],
    lat: Annotated[float, Query(ge=-85, le=85, allow_inf_nan=False)],
    radius: Annotated[float, Query(ge=0, le=MAX_RADIUS_M, allow_inf_nan=False, description="metres")] = 20.0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[PickHit]:
    """What is at a position, nearest first."""
    return picker.pick(session, caller, lon, lat, radius, limit)


@router.get("/enterprises/{enterprise_id}/summary", operation_id="enterprise_summary")
def enterprise_summary(
    caller: Annotated[Caller, requires("registry.enterprise.read")],
    session: ReadSession,
    tabs: Tabs,
    request: Request,
    enterprise_id: Annotated[int, Field(ge=1, le=2**53)],
) -> EnterpriseSummary:
    """First page of an enterprise, with the tabs that modules contribute."""
    record, counts = panel.summary(session, caller, enterprise_id)
    language = language_of(request)
    shown = [
        TabOut(
            key=tab.key, title=translate(tab.title_key, language),
            href=tab.href.replace("{id}", str(enterprise_id)),
        )
        for tab in tabs.of(caller)
    ]  # fmt: skip
    return EnterpriseSummary(enterprise=record, counts=counts, tabs=shown)
