"""``/tokens``: one's own tokens for programs; administrators see and revoke everybody's."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from parksight.kernel.identity import repository
from parksight.kernel.identity.api.session import Person, Services
from parksight.kernel.identity.schemas import TokenCreate, TokenIssued, TokenView
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, RowId, WriteSession, paging, requires

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])


@router.get("", operation_id="list_own_tokens")
def list_own_tokens(
    caller: Person, session: ReadSession, page: Annotated[Paging, Depends(paging)]
) -> Page[TokenView]:
    """One's own tokens, newest first, without the secrets."""
    rows, total = repository.tokens_of(session, caller.id, page.limit, page.offset)
    items = [TokenView.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/all", operation_id="list_all_tokens")
def list_all_tokens(
    caller: Annotated[Caller, requires("kernel.user.read")],
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
) -> Page[TokenView]:
    """Everybody's tokens, without the secrets."""
    repository.zone_wide(caller)
    rows, total = repository.tokens_of(session, None, page.limit, page.offset)
    items = [TokenView.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=HTTPStatus.CREATED, operation_id="issue_token")
def issue_token(body: TokenCreate, caller: Person, session: WriteSession, services: Services) -> TokenIssued:
    """A new token; the answer shows it this once."""
    row, token = services.tokens.issue(session, caller, body)
    return TokenIssued(**TokenView.model_validate(row).model_dump(), token=token)


@router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT, operation_id="revoke_token")
def revoke_token(token_id: RowId, caller: Person, session: WriteSession, services: Services) -> None:
    """Revoke a token at once."""
    services.tokens.revoke(session, caller, token_id)
