"""Declared kinds of work: what they are called, what they ask for, and their drawing."""

from __future__ import annotations

from fastapi import APIRouter

from parksight.cases import access
from parksight.cases.api.common import Language, ReadingActor, Service
from parksight.cases.schemas import CaseTypeOut, CaseTypeRow
from parksight.cases.schemas.common import Word
from parksight.cases.typeview import TypeView

router = APIRouter(prefix="/case-types", tags=["cases"])


@router.get("", operation_id="list_case_types")
def list_types(actor: ReadingActor, cases: Service, language: Language) -> list[CaseTypeRow]:
    """Types the caller sees cases of, or may open."""
    shown = [
        TypeView(d, language).row(actor)
        for d in cases.types.all()
        if access.sees_type(actor.rights, d) or access.matches(actor, d.type.opened_by, None)
    ]
    return sorted(shown, key=lambda t: t.code)


@router.get("/{code}", operation_id="get_case_type")
def get_type(code: Word, actor: ReadingActor, cases: Service, language: Language) -> CaseTypeOut:
    """A type with its forms, clocks and states laid out for drawing."""
    return TypeView(cases.types.find(code), language).whole(actor)
