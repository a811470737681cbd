"""Who may do what, in one place: role *and* scope.

A role grants permissions (``module.noun.verb``); a scope limits them to the whole zone, to departments or to
one's own enterprises. Every query of readable records starts from :meth:`Caller.scoped`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, false

from parksight.kernel.errors import forbidden

#: What every zone role may do besides: see who is who, read roles and handle files.
_EVERYBODY = (
    "kernel.department.read", "kernel.post.read", "kernel.role.read", "kernel.file.read", "kernel.file.write",
    "demo.scenario.read", "duty.absence.request", "notifications.inbox.use",
)  # fmt: skip

#: Role -> permission patterns (a pattern may end in ``.*``). Enterprise roles are always enterprise-scoped.
ROLES: dict[str, tuple[str, ...]] = {
    "administrator": ("*",),
    "zone_leader": (
        *_EVERYBODY, "registry.*.read", "telemetry.*.read", "alarms.*.read", "gateways.*.read", "command.*.read", "duty.*.read",
        "cameras.video.read", "lookout.*.read", "safety.*.read",
        "cases.*.read", "cases.case.write", "cases.case.supervise", "cases.case.export",
    ),
    "duty_operator": (
        *_EVERYBODY, "registry.*.read", "telemetry.*.read", "telemetry.export", "alarms.*.read", "alarms.alarm.*",
        "alarms.group.write", "alarms.window.write", "gateways.*.read", "command.*.read", "demo.*", "duty.*.read", "duty.log.write", "duty.handover.sign",
        "cameras.video.read", "cameras.ptz.control", "lookout.*.read", "lookout.view.write", "lookout.recording.write",
        "lookout.suspicion.review", "safety.*.read",
        "cases.*.read", "cases.case.write", "cases.case.export",
    ),
    "safety_officer": (
        *_EVERYBODY, "registry.*.read", "registry.*.write", "registry.import", "registry.export", "telemetry.*.read",
        "telemetry.export", "telemetry.forensics.review", "alarms.*", "gateways.*.read", "command.*.read", "duty.*",
        "cameras.video.read", "cameras.ptz.control", "cameras.ptz.takeover", "lookout.*", "safety.*", "cases.*",
    ),
    "environment_officer": (
        *_EVERYBODY, "registry.*.read", "telemetry.*.read", "telemetry.export", "telemetry.forensics.review",
        "alarms.*", "gateways.*.read", "command.*.read", "duty.*.read", "duty.log.write", "duty.handover.sign",
        "cameras.video.read", "cameras.ptz.control", "lookout.*.read", "lookout.view.write", "lookout.recording.write",
        "lookout.suspicion.review", "cases.*",
    ),
    "energy_manager": (
        *_EVERYBODY, "registry.*.read", "telemetry.*.read", "telemetry.export", "alarms.*.read", "gateways.*.read",
        "command.*.read",
        "cases.*.read", "cases.case.write", "cases.case.export",
    ),
    "planner": (
        *_EVERYBODY, "registry.*.read", "registry.*.write", "registry.import", "registry.export", "telemetry.*.read",
        "command.*.read",
        "cases.*.read", "cases.case.write", "cases.case.export",
    ),
    "integrator": (
        *_EVERYBODY, "registry.*", "telemetry.*", "gateways.*", "alarms.rule.*", "alarms.linkage.write", "alarms.*.read", "command.*.read",
        "cameras.*", "lookout.*", "safety.*.read", "safety.hazard.write", "cases.*.read",
    ),
    "auditor": (
        *_EVERYBODY, "kernel.*.read", "registry.*.read", "registry.export", "telemetry.*.read", "alarms.*.read", "duty.*.read", "notifications.*.read",
        "lookout.*.read", "safety.*.read",
        "cases.*.read", "cases.case.export",
    ),
    "enterprise_manager": (
        *_EVERYBODY, "registry.*.read", "registry.enterprise.write", "telemetry.*.read", "telemetry.export", "alarms.*.read",
        "alarms.alarm.acknowledge", "alarms.alarm.handle", "alarms.window.write", "duty.*", "cameras.video.read",
        "lookout.camera.read", "lookout.recording.read", "safety.*.read", "safety.hazard.write",
        "cases.*.read", "cases.case.write", "cases.case.export",
    ),
    "enterprise_user": (
        *_EVERYBODY, "registry.*.read", "telemetry.*.read", "alarms.*.read", "duty.*.read", "duty.log.write",
        "duty.handover.sign", "safety.*.read",
        "cases.*.read", "cases.case.write",
    ),
}  # fmt: skip

ENTERPRISE_ROLES = frozenset({"enterprise_manager", "enterprise_user"})


def covers(pattern: str, permission: str) -> bool:
    """Whether a granted pattern covers a permission; ``*`` stands for one part, a final one for the rest."""
    if pattern == "*":
        return True
    want, have = pattern.split("."), permission.split(".")
    for i, token in enumerate(want):
        if token == "*" and i == len(want) - 1:
            return len(have) > i
        if i >= len(have) or (token != "*" and token != have[i]):
            return False
    return len(want) == len(have)


def narrow(first: str, second: str) -> str | None:
    """The pattern that covers exactly what both patterns cover; None when they have nothing in common."""
    if first == "*" or second == "*":
        return second if first == "*" else first
    a, b = first.split("."), second.split(".")
    out: list[str] = []
    for i in range(max(len(a), len(b))):
        if i == len(a) - 1 and a[i] == "*" and i < len(b):
            return ".".join([*out, *b[i:]])
        if i == len(b) - 1 and b[i] == "*" and i < len(a):
            return ".".join([*out, *a[i:]])
        if i >= len(a) or i >= len(b):
            return None
        if a[i] != b[i] and "*" not in (a[i], b[i]):
            return None
        out.append(b[i] if a[i] == "*" else a[i])
    return ".".join(out)


def narrow_all(limits: Iterable[str], grants: Iterable[str]) -> tuple[str, ...]:
    """What is left of ``grants`` under ``limits`` (a token's list); order and doubles do not matter."""
    granted = tuple(grants)
    return tuple(sorted({p for limit in limits for g in granted if (p := narrow(limit, g)) is not None}))


@dataclass(frozen=True)
class Caller:
    """The person, token or device behind a request.

    Attributes:
        id: user id, or None for the system itself.
        name: shown in histories.
        kind: ``user``, ``token``, ``device`` or ``system``.
        grants: permission patterns.
        enterprises: ids the caller is limited to; None means the whole zone.
        departments: ids the caller acts for.
        language: what the person reads, None to follow the browser.
        must_change_password: only the password may be changed until it is.
    """

    id: int | None
    name: str
    kind: str = "user"
    grants: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    enterprises: frozenset[int] | None = field(default_factory=frozenset)
    departments: frozenset[int] = frozenset()
    language: str | None = None
    must_change_password: bool = False

    def may(self, permission: str) -> bool:
        return any(covers(pattern, permission) for pattern in self.grants)

    def require(self, permission: str) -> None:
        """Raise a 403 problem that names the permission."""
        if not self.may(permission):
            raise forbidden(permission)

    def is_person(self, user_id: int) -> bool:
        """Whether this is the person themselves, or a token of theirs; devices have ids of their own."""
        return self.id == user_id and self.kind in ("user", "token")

    def may_see_enterprise(self, enterprise_id: int | None) -> bool:
        """Zone-wide records (None) are visible only to zone-wide callers."""
        return self.enterprises is None or (enterprise_id is not None and enterprise_id in self.enterprises)

    def scoped(self, statement: Select[Any], enterprise_column: ColumnElement[Any] | Any) -> Select[Any]:
        """Limit a query to the records of the enterprises that the caller may see."""
        if self.enterprises is None:
            return statement
        if not self.enterprises:
            return statement.where(false())
        return statement.where(enterprise_column.in_(self.enterprises))


SYSTEM = Caller(id=None, name="system", kind="system", grants=("*",), enterprises=None)
