"""Credentials with which a device pushes its own observations; shown once, kept as a hash."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from sqlalchemy import select

from parksight.gateways import repository
from parksight.kernel.errors import not_found
from parksight.kernel.identity.models import DeviceCredential
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, WriteSession, requires, service

router = APIRouter(prefix="/api/v1", tags=["gateways"])
Id = Annotated[int, Path(ge=1, le=2**53)]
MayWrite = Annotated[Caller, requires("gateways.device.write")]
Identity = Annotated[IdentityServices, Depends(service("identity"))]


class CredentialIn(BaseModel):
    name: str = Field(min_length=1, max_length=120)
    days: int | None = Field(None, ge=1, le=3650, description="life; without it until revoked")


class CredentialOut(BaseModel):
    """A credential without its secret; ``hint`` is its beginning."""

    id: int
    device_id: int
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class CredentialMade(CredentialOut):
    """A new credential; ``token`` is shown this once (``Authorization: Bearer …``)."""

    token: str


def _out(row: DeviceCredential) -> dict[str, Any]:
    return {name: getattr(row, name) for name in CredentialOut.model_fields}


@router.get("/devices/{device_id}/credentials", operation_id="list_device_credentials")
def list_credentials(device_id: Id, caller: MayWrite, session: ReadSession) -> list[CredentialOut]:
    """All credentials of a device, revoked ones included."""
    repository.device(session, caller, device_id)
    rows = session.scalars(
        select(DeviceCredential)
        .where(DeviceCredential.device_id == device_id)
        .order_by(DeviceCredential.id)
        .limit(1000)
    )
    return [CredentialOut(**_out(row)) for row in rows]


@router.post("/devices/{device_id}/credentials", status_code=201, operation_id="issue_device_credential")
def issue_credential(
    device_id: Id, data: CredentialIn, caller: MayWrite, identity: Identity, session: WriteSession
) -> CredentialMade:
    """Make a credential; the secret is in this answer and nowhere else."""
    repository.device(session, caller, device_id)
    row, token = identity.tokens.issue_for_device(session, caller, device_id, data.name, data.days)
    session.flush()
    return CredentialMade(**_out(row), token=token)


@router.delete(
    "/devices/{device_id}/credentials/{credential_id}",
    status_code=204,
    operation_id="revoke_device_credential",
)
def revoke_credential(
    device_id: Id, credential_id: Id, caller: MayWrite, identity: Identity, session: WriteSession
) -> None:
    """End a credential at once; doing it twice is the same as once."""
    repository.device(session, caller, device_id)
    row = session.get(DeviceCredential, credential_id)
    if row is None or row.device_id != device_id:
        raise not_found("device_credential", credential_id)
    identity.tokens.revoke_for_device(session, caller, credential_id)
