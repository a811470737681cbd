"""Dry run: what linkage would do for an alarm, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from sqlalchemy.orm import Session

from parksight.alarms.linkage.actions import Actions
from parksight.alarms.linkage.scene import scene_of
from parksight.alarms.linkage.service import applies
from parksight.alarms.models import Alarm, Linkage
from parksight.alarms.schemas.linkage import Declaration, DryRunOut, Rehearsed


def rehearse(
    session: Session, actions: Actions, alarm: Alarm, linkages: Sequence[tuple[Linkage, Declaration]]
) -> DryRunOut:
    """Which linkages the alarm calls for and what each of their actions would do. Reads only."""
    scene = scene_of(session, alarm)
    matched: list[str] = []
    out: list[Rehearsed] = []
    for record, declaration in linkages:
        if not applies(record, declaration, scene.called):
            continue
        matched.append(record.code)
        for action in declaration.actions:
            outcome = actions.perform(session, scene, action.model_dump(), None)
            would = cast(Literal["done", "refused", "no_provider"], outcome.state)
            out.append(
                Rehearsed(
                    linkage_id=record.id, linkage_code=record.code, linkage_version=record.version, kind=action.kind,
                    would=would, result=outcome.result,
                )
            )  # fmt: skip
    return DryRunOut(matched=matched, actions=out)
