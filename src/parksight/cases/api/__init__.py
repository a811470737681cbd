"""Routes of cases: ``router`` holds all of them."""

from fastapi import APIRouter

from parksight.cases.api import cases, parts, types

router = APIRouter(prefix="/api/v1")
for part in (types, cases, parts):
    router.include_router(part.router)

__all__ = ["router"]
