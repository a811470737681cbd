"""Records of duty as the API shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty import presence, repository, standing
from parksight.duty.findings import Found
from parksight.duty.handover import WHOLE, Act, full_hash, remarks_of
from parksight.duty.models import Absence, Desk, Handover, LogEntry, Remark, Rota, Shift, Snapshot
from parksight.duty.presence import OnDuty
from parksight.duty.schemas import (
    AbsenceOut,
    DeskOut,
    Finding,
    HandoverItem,
    HandoverOut,
    HandoverSection,
    Link,
    LogOut,
    OnDutyOut,
    Person,
    RotaOut,
    ShiftOut,
    ShiftPersonOut,
    Signature,
)
from parksight.kernel.i18n import spoken, translate
from parksight.kernel.identity.models import Post, User
from parksight.kernel.settings import DutySettings


def person(users: Mapping[int, User], user_id: int) -> Person:
    user = users[user_id]
    return Person(id=user.id, name=user.name, name_en=user.name_en or user.name)


def desks(session: Session, rows: Sequence[Desk], now: datetime, settings: DutySettings) -> list[DeskOut]:
    codes: dict[int, str] = {
        row.id: row.code
        for row in session.execute(select(Post.id, Post.code).where(Post.id.in_({d.post_id for d in rows})))
    }
    return [
        DeskOut(
            id=d.id, code=d.code, name=d.name, name_en=d.name_en or d.name, post_id=d.post_id,
            post_code=codes[d.post_id], enterprise_id=d.enterprise_id, min_crew=d.min_crew,
            continuous=d.continuous, active=d.active, version=d.version,
            on_duty=on_duty(session, presence.on_duty(session, now, desk_code=d.code)),
            shift=_present_shift(session, d, now, settings),
            handover_due=_one(session, standing.waiting(session, d.id, now, settings), now, settings),
        )
        for d in rows
    ]  # fmt: skip


def _present_shift(session: Session, desk: Desk, now: datetime, settings: DutySettings) -> ShiftOut | None:
    found = session.scalar(
        select(Shift)
        .where(Shift.desk_id == desk.id, Shift.state != "cancelled", Shift.starts_at <= now, Shift.ends_at > now)
        .order_by(Shift.starts_at.desc(), Shift.id)
        .limit(1)
    )  # fmt: skip
    return _one(session, found, now, settings)


def _one(session: Session, shift: Shift | None, now: datetime, settings: DutySettings) -> ShiftOut | None:
    return shifts(session, [shift], now, settings)[0] if shift is not None else None


def on_duty(session: Session, found: Sequence[OnDuty]) -> list[OnDutyOut]:
    users = repository.names(session, [i for f in found for i in (f.user_id, f.acting_for)])
    return [
        OnDutyOut(
            person=person(users, f.user_id), desk_id=f.desk_id, desk_code=f.desk_code, shift_id=f.shift_id,
            starts_at=f.starts_at, ends_at=f.ends_at, leads=f.leads,
            acting_for=person(users, f.acting_for) if f.acting_for is not None else None,
        )
        for f in found
    ]  # fmt: skip


def rota(row: Rota) -> RotaOut:
    return RotaOut.model_validate(row, from_attributes=True)


def shifts(session: Session, rows: Sequence[Shift], now: datetime, settings: DutySettings) -> list[ShiftOut]:
    crews = repository.people_of(session, [s.id for s in rows])
    users = repository.names(session, [p.user_id for crew in crews.values() for p in crew])
    standings: dict[int, Any] = dict(standing.standings(session, rows, now, settings))
    out = []
    for row in rows:
        whose = {p.id: p.user_id for p in crews[row.id]}
        out.append(
            ShiftOut(
                id=row.id, desk_id=row.desk_id, rota_id=row.rota_id, code=row.code, name=row.name,
                name_en=row.name_en or row.name, crew=row.crew, starts_at=row.starts_at, ends_at=row.ends_at,
                state=row.state, handover=standings[row.id],
                people=[
                    ShiftPersonOut(
                        person=person(users, p.user_id), leads=p.leads, added_at=p.added_at,
                        removed_at=p.removed_at, reason=p.reason,
                        replaces=person(users, whose[p.replaces_id]) if p.replaces_id in whose else None,
                    )
                    for p in crews[row.id]
                ],
            )
        )  # fmt: skip
    return out


def findings(session: Session, found: Sequence[Found], language: str) -> list[Finding]:
    users = repository.names(session, [i for f in found for i in (f.user_id, f.deputy_id)])
    out = []
    for f in found:
        who = person(users, f.user_id) if f.user_id is not None else None
        deputy = person(users, f.deputy_id) if f.deputy_id is not None else None
        key = f"duty.finding.{f.kind}" + ("_with_deputy" if deputy is not None else "")
        text = translate(key, language, name=who.name if who else "", deputy=deputy.name if deputy else "")
        out.append(
            Finding.model_validate(
                {"kind": f.kind, "starts_at": f.starts_at, "ends_at": f.ends_at, "shift_id": f.shift_id,
                 "person": who, "deputy": deputy, "text": text}
            )
        )  # fmt: skip
    return out


def absences(session: Session, rows: Sequence[Absence], now: datetime) -> list[AbsenceOut]:
    users = repository.names(session, [i for r in rows for i in (r.user_id, r.deputy_id)])
    return [
        AbsenceOut(
            id=r.id, person=person(users, r.user_id), deputy=person(users, r.deputy_id),
            enterprise_id=r.enterprise_id, kind=r.kind, reason=r.reason, starts_at=r.starts_at, ends_at=r.ends_at,
            state=r.state, standing=absence_standing(r, now), requested_at=r.requested_at,
            decided_at=r.decided_at, decision=r.decision, ended_at=r.ended_at,
        )
        for r in rows
    ]  # fmt: skip


def absence_standing(row: Absence, now: datetime) -> str:
    if row.state == "accepted":
        return "upcoming" if now < row.starts_at else "active" if now < row.ends_at else "over"
    if row.state == "requested" and now >= row.ends_at:
        return "lapsed"
    return "over" if row.state == "ended" else row.state


def log_entries(session: Session, rows: Sequence[LogEntry]) -> list[LogOut]:
    newer: dict[int, list[int]] = {r.id: [] for r in rows}
    corrections = session.execute(
        select(LogEntry.id, LogEntry.corrects_id)
        .where(LogEntry.corrects_id.in_(list(newer)))
        .order_by(LogEntry.id)
    )
    for key, corrects in corrections:
        if corrects is not None:
            newer[corrects].append(key)
    return [
        LogOut(
            id=r.id, desk_id=r.desk_id, shift_id=r.shift_id, occurred_at=r.occurred_at, recorded_at=r.recorded_at,
            late=r.late, category=r.category, text=r.text, links=[Link(**link) for link in r.links],
            author_id=r.author_id, author=r.author, corrects_id=r.corrects_id, corrected_by=newer[r.id],
        )
        for r in rows
    ]  # fmt: skip


def handover(
    session: Session,
    row: Handover,
    snapshot: Snapshot,
    now: datetime,
    settings: DutySettings,
    language: str,
    may: list[Act],
) -> HandoverOut:
    remarks = remarks_of(session, row.id)
    said = {r.item: r for r in remarks}
    content = json.loads(snapshot.body)
    both = session.scalars(select(Shift).where(Shift.id.in_((row.from_shift_id, row.to_shift_id)))).all()
    shown = {s.id: s for s in shifts(session, both, now, settings)}
    users = repository.names(session, [row.drafted_by, row.left_by, row.taken_by, row.refused_by])

    def signature(who: int | None, at: datetime | None, method: str | None) -> Signature | None:
        if who is None or at is None:
            return None
        return Signature(person=person(users, who), at=at, method=method or "session")

    return HandoverOut(
        id=row.id, desk_id=row.desk_id, state=row.state, from_shift=shown[row.from_shift_id],
        to_shift=shown[row.to_shift_id], since=content["since"], until=content["until"],
        drafted_by=person(users, row.drafted_by) if row.drafted_by is not None else None,
        drafted_at=row.drafted_at, snapshot_hash=snapshot.hash, hash=full_hash(snapshot, remarks),
        sections=[_section(s, said, language) for s in content["sections"]],
        remark=said[WHOLE].text if WHOLE in said else None,
        left=signature(row.left_by, row.left_at, row.left_method),
        taken=signature(row.taken_by, row.taken_at, row.taken_method),
        refused=signature(row.refused_by, row.refused_at, None), refusal=row.refusal, may=may,
    )  # fmt: skip


def _section(section: dict[str, Any], said: Mapping[str, Remark], language: str) -> HandoverSection:
    items = []
    for item in section["items"]:
        remark = said.get(f"{section['code']}/{item['key']}")
        subject = item["subject"]
        items.append(
            HandoverItem(
                key=item["key"], text=spoken(item["text"], item["params"], language), text_key=item["text"],
                subject=Link(kind=subject[0], id=subject[1]) if subject else None, page=item["page"],
                severity=item["severity"], since=item["since"], open=item["open"],
                remark=remark.text if remark else None,
            )
        )  # fmt: skip
    return HandoverSection(
        code=section["code"], title=translate(section["title"], language), total=section["total"], items=items
    )
