"""Routes of cases: ``router`` holds all of them."""

from fastapi import APIRouter

from parksight.cases.api import cases, desk, parts, types

router = APIRouter(prefix="/api/v1")
for part in (types, desk, cases, parts):  # the desk's fixed paths before those of one case
    router.include_router(part.router)

__all__ = ["router"]
