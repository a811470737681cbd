"""What people do about alarms: acknowledge, verify, classify, respond, close, reset, shelve, take out of service."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session

from parksight.alarms import repository, view
from parksight.alarms.api.common import Acknowledging, Handling, Service, many
from parksight.alarms.handling import people, silence
from parksight.alarms.models import Suppression
from parksight.alarms.schemas import (
    AcknowledgeIn,
    AlarmEndIn,
    AlarmOut,
    ClassifyIn,
    CloseIn,
    ManyCloseIn,
    ManyIn,
    ManyOut,
    OutOfServiceIn,
    RecordId,
    ShelveIn,
)
from parksight.alarms.service import AlarmService
from parksight.alarms.workflow import CLASSIFY, CLOSE, RESPOND, VERIFY
from parksight.kernel.errors import conflict, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import WriteSession, requires

router = APIRouter(prefix="/alarms", tags=["alarms"])
Shelving = Annotated[Caller, requires("alarms.alarm.shelve")]
Servicing = Annotated[Caller, requires("alarms.service.write")]


def _shown(session: Session, caller: Caller, alarm_id: int) -> AlarmOut:
    session.flush()
    session.expire_all()
    found = repository.one(session, caller, alarm_id)
    if found is None:
        raise not_found("alarms.alarm", alarm_id)
    return view.alarm(found)


@router.post("/acknowledge", operation_id="acknowledge_alarms")
def acknowledge_many(
    caller: Acknowledging, session: WriteSession, alarms: Service, body: ManyIn, request: Request
) -> ManyOut:
    """Take note of many alarms; each is done or refused by itself."""
    return many(request, *alarms.handling.acknowledge_many(session, caller, body.ids, body.comment))


@router.post("/close", operation_id="close_alarms")
def close_many(
    caller: Handling, session: WriteSession, alarms: Service, body: ManyCloseIn, request: Request
) -> ManyOut:
    """Close the groups of many alarms with one cause; critical, standing and unseen ones are refused with a reason."""
    return many(request, *alarms.handling.close_many(session, caller, body.ids, body.cause, body.comment))


@router.post("/{alarm_id}/acknowledge", operation_id="acknowledge_alarm")
def acknowledge(
    caller: Acknowledging, session: WriteSession, alarms: Service, alarm_id: RecordId, body: AcknowledgeIn
) -> AlarmOut:
    """Take note of an alarm under one's own name. The condition stays what it is."""
    alarms.handling.acknowledge(session, caller, alarm_id, body.comment)
    return _shown(session, caller, alarm_id)


def _act(
    session: Session, caller: Caller, alarms: AlarmService, alarm_id: int, transition: str, comment: str,
    cause: str | None = None,
) -> AlarmOut:  # fmt: skip
    group = people.group_of(session, caller, people.get(session, caller, alarm_id))
    alarms.handling.act(session, caller, group, transition, cause=cause, comment=comment)
    return _shown(session, caller, alarm_id)


@router.post("/{alarm_id}/verify", operation_id="verify_alarm")
def verify(
    caller: Handling, session: WriteSession, alarms: Service, alarm_id: RecordId, body: AlarmEndIn
) -> AlarmOut:
    """Somebody checks whether it is real; concerns the whole group."""
    return _act(session, caller, alarms, alarm_id, VERIFY, body.comment)


@router.post("/{alarm_id}/classify", operation_id="classify_alarm")
def classify(
    caller: Handling, session: WriteSession, alarms: Service, alarm_id: RecordId, body: ClassifyIn
) -> AlarmOut:
    """Say what it turned out to be; concerns the whole group."""
    return _act(session, caller, alarms, alarm_id, CLASSIFY, body.comment, body.cause)


@router.post("/{alarm_id}/respond", operation_id="respond_to_alarm")
def respond(
    caller: Handling, session: WriteSession, alarms: Service, alarm_id: RecordId, body: AlarmEndIn
) -> AlarmOut:
    """Something is being done about it; concerns the whole group."""
    return _act(session, caller, alarms, alarm_id, RESPOND, body.comment)


@router.post("/{alarm_id}/close", operation_id="close_alarm")
def close(
    caller: Handling, session: WriteSession, alarms: Service, alarm_id: RecordId, body: CloseIn
) -> AlarmOut:
    """Close the whole group with its cause; refused while anything of it stands, is latched or unseen."""
    return _act(session, caller, alarms, alarm_id, CLOSE, body.comment, body.cause)


@router.post("/{alarm_id}/reset", operation_id="reset_alarm")
def reset(
    caller: Handling, session: WriteSession, alarms: Service, alarm_id: RecordId, body: AlarmEndIn
) -> AlarmOut:
    """Release a latching alarm that has cleared."""
    alarms.handling.reset(session, caller, alarm_id, body.comment)
    return _shown(session, caller, alarm_id)


@router.post("/{alarm_id}/shelve", operation_id="shelve_alarm")
def shelve(
    caller: Shelving, session: WriteSession, alarms: Service, alarm_id: RecordId, body: ShelveIn
) -> AlarmOut:
    """Keep this alarm silent for a limited time; it is announced again when that is over and it still stands."""
    alarms.silences.shelve(session, caller, people.get(session, caller, alarm_id), body.reason, body.minutes)
    return _shown(session, caller, alarm_id)


@router.post("/{alarm_id}/unshelve", operation_id="unshelve_alarm")
def unshelve(
    caller: Shelving, session: WriteSession, alarms: Service, alarm_id: RecordId, body: AlarmEndIn
) -> AlarmOut:
    """End its shelf before the time."""
    return _end(session, caller, alarms, alarm_id, "shelved", body.comment)


@router.post("/{alarm_id}/out-of-service", operation_id="take_alarm_out_of_service")
def out_of_service(
    caller: Servicing, session: WriteSession, alarms: Service, alarm_id: RecordId, body: OutOfServiceIn
) -> AlarmOut:
    """Take this alarm out of service for maintenance, with the reference that allows it."""
    extent = alarms.silences.of_alarm(people.get(session, caller, alarm_id))
    until = alarms.clock.now() + timedelta(hours=body.hours)
    alarms.silences.out_of_service(session, caller, extent, body.reason, body.reference, until)
    return _shown(session, caller, alarm_id)


@router.post("/{alarm_id}/return-to-service", operation_id="return_alarm_to_service")
def return_to_service(
    caller: Servicing, session: WriteSession, alarms: Service, alarm_id: RecordId, body: AlarmEndIn
) -> AlarmOut:
    """Return this alarm to service; it is announced again if it still stands."""
    return _end(session, caller, alarms, alarm_id, "out_of_service", body.comment)


def _end(
    session: Session, caller: Caller, alarms: AlarmService, alarm_id: int, kind: str, comment: str
) -> AlarmOut:
    alarm = people.get(session, caller, alarm_id)
    record = None if alarm.suppression_id is None else session.get(Suppression, alarm.suppression_id)
    if record is None or record.kind != kind or alarm.suppressed != kind:
        raise conflict(f"alarms.not_{kind}")
    alarms.silences.end(session, caller, silence.get(session, caller, record.id), comment)
    return _shown(session, caller, alarm_id)
