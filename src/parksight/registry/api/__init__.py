"""Routes of the registry: ``router`` holds all of them."""

from fastapi import APIRouter

from parksight.registry.api import lookup, records, transfer

router = APIRouter(prefix="/api/v1")
router.include_router(lookup.router)
router.include_router(transfer.router)
router.include_router(records.router)

__all__ = ["router"]
