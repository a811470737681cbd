"""Routes of the cameras' links and video."""

from fastapi import APIRouter

from parksight.gateways.cameras.api.links import router as links_router
from parksight.gateways.cameras.api.video import router as video_router

router = APIRouter()
router.include_router(links_router)
router.include_router(video_router)

__all__ = ["router"]
