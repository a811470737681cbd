"""Routes of identity."""

from fastapi import APIRouter

from parksight.kernel.identity.api import oidc, organisations, session, tokens, users

router = APIRouter()
for part in (session, oidc, users, organisations, tokens):
    router.include_router(part.router)

__all__ = ["router"]
