"""All routes of the kernel, for the composition root to include."""

from __future__ import annotations

from fastapi import APIRouter

from parksight.kernel.audit.api import router as audit
from parksight.kernel.files.api import router as files
from parksight.kernel.identity.api import router as identity
from parksight.kernel.system.api import router as system

router = APIRouter()
for part in (identity, audit, files, system):
    router.include_router(part)
