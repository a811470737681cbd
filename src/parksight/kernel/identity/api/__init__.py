"""Routes of identity."""

from fastapi import APIRouter

from parksight.kernel.identity.api import organisations, session, tokens, users

router = APIRouter()
for part in (session, users, organisations, tokens):
    router.include_router(part.router)

__all__ = ["router"]
