"""People and what they may do: the use cases behind ``/users``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.errors import conflict, forbidden, invalid, not_found
from parksight.kernel.identity.callers import CallerDirectory
from parksight.kernel.identity.models import (
    Assignment,
    Department,
    Organisation,
    Post,
    RecoveryCode,
    User,
)
from parksight.kernel.identity.names import check_username
from parksight.kernel.identity.passwords import Passwords
from parksight.kernel.identity.schemas import AssignmentBody, UserCreate, UserUpdate
from parksight.kernel.identity.sessions import Sessions
from parksight.kernel.permissions import ENTERPRISE_ROLES, ROLES, Caller, covers

_FIELDS = (
    "name", "name_en", "email", "phone", "language", "organisation_id", "department_id", "post_id",
    "oidc_subject", "active",
)  # fmt: skip


class Accounts:
    """Creates and changes people.

    Args:
        clock: time.
        passwords: policy and hashes.
        sessions: to end those of somebody whose rights changed.
        callers: told about every change.
    """

    def __init__(
        self, clock: Clock, passwords: Passwords, sessions: Sessions, callers: CallerDirectory
    ) -> None:
        self._clock = clock
        self.passwords = passwords
        self._sessions = sessions
        self._callers = callers

    def create(
        self, session: Session, caller: Caller, body: UserCreate, *, demo: bool = False, judged: bool = True
    ) -> User:
        """A new person.

        Args:
            session: unit of work.
            caller: needs at least the rights it hands out.
            body: the person; a password given here must be changed at the first sign-in.
            demo: marks the account as the demo's, whose password is public and stays.
            judged: apply the password policy; only the demo's public passwords go without.

        Raises:
            ProblemError: 409 ``kernel.user.username_taken``; 422 for the name, password or assignments; 403
                when a role is handed out that goes beyond the caller's own rights.
        """
        key = check_username(body.username)
        if session.scalar(select(User.id).where(User.username_key == key)) is not None:
            raise conflict("kernel.user.username_taken", username=body.username)
        self._check_links(session, body.organisation_id, body.department_id, body.post_id)
        self._check_subject(session, body.oidc_subject, None)
        self._check_assignments(session, caller, body.assignments)
        now = self._clock.now()
        if body.password is not None and judged:
            self.passwords.check_new(body.password, [body.username, body.name, body.name_en])
        user = User(
            username=body.username.strip(), username_key=key, name=body.name, name_en=body.name_en,
            email=body.email, phone=body.phone, language=body.language,
            organisation_id=body.organisation_id, department_id=body.department_id, post_id=body.post_id,
            oidc_subject=body.oidc_subject,
            password_hash=self.passwords.hash(body.password) if body.password is not None else None,
            password_changed_at=now if body.password is not None else None,
            must_change_password=body.password is not None and not demo,
            demo=demo, created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(user)
        session.flush()
        self._replace_assignments(session, user, body.assignments)
        self._note(session, caller, "create", user, after=body.model_dump(exclude={"password"}))
        return user

    def update(self, session: Session, caller: Caller, user_id: int, body: UserUpdate) -> User:
        """Change a person; members that are not given stay.

        Raises:
            ProblemError: 404; 409 ``kernel.stale_version`` when somebody else was faster,
                ``kernel.user.last_administrator``; 403 for rights beyond the caller's own.
        """
        user = self._get(session, user_id)
        if user.version != body.version:
            raise conflict("kernel.stale_version", seen=body.version, present=user.version)
        self._check_reach(session, caller, user)
        given = body.model_dump(exclude_unset=True, include=set(_FIELDS))
        for field in ("name", "name_en", "email", "phone", "active"):
            if field in given and given[field] is None:
                raise invalid("kernel.user.not_null", f"/{field}", field=field)
        self._check_links(
            session, given.get("organisation_id"), given.get("department_id"), given.get("post_id")
        )
        self._check_subject(session, given.get("oidc_subject"), user.id)
        before = {field: getattr(user, field) for field in given}
        for field, value in given.items():
            setattr(user, field, value)
        after = dict(given)
        if body.assignments is not None:
            self._check_assignments(session, caller, body.assignments)
            before["assignments"] = [_shown(a) for a in self.assignments(session, user.id)]
            after["assignments"] = [a.model_dump() for a in body.assignments]
            self._replace_assignments(session, user, body.assignments)
        user.version += 1
        user.updated_at = self._clock.now()
        session.flush()
        self._keep_an_administrator(session)
        if not user.active:
            self._sessions.end_all(session, user.id)
        self._note(session, caller, "update", user, before=before, after=after)
        return user

    def reset_password(self, session: Session, caller: Caller, user_id: int, password: str) -> User:
        """An administrator sets a password that must be changed at the next sign-in; ends all sessions."""
        user = self._get(session, user_id)
        self._check_reach(session, caller, user)
        self.passwords.check_new(password, [user.username, user.name, user.name_en])
        self._set_password(user, password, must_change=True)
        self._sessions.end_all(session, user.id)
        self._note(session, caller, "password_reset", user)
        return user

    def change_password(
        self, session: Session, caller: Caller, current: str, password: str, keep_session: int | None
    ) -> None:
        """One's own new password; ends one's other sessions.

        Raises:
            ProblemError: 422 ``kernel.password.wrong``, ``kernel.password.unchanged`` or the policy's codes.
        """
        user = self._get(session, caller.id)
        if not self.passwords.verify(user.password_hash, current):
            raise invalid("kernel.password.wrong", "/current")
        if self.passwords.verify(user.password_hash, password):
            raise invalid("kernel.password.unchanged", "/password")
        self.passwords.check_new(password, [user.username, user.name, user.name_en])
        self._set_password(user, password, must_change=False)
        self._sessions.end_all(session, user.id, keep=keep_session)
        self._note(session, caller, "password_change", user)

    def clear_totp(self, session: Session, caller: Caller, user_id: int) -> User:
        """Take the second factor off somebody who lost it."""
        user = self._get(session, user_id)
        self._check_reach(session, caller, user)
        user.totp_secret, user.totp_confirmed_at = None, None
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        self._sessions.end_all(session, user.id)
        self._note(session, caller, "totp_clear", user)
        return user

    def end_sessions(self, session: Session, caller: Caller, user_id: int) -> User:
        """Sign somebody out everywhere: a lost telephone, a browser left open."""
        user = self._get(session, user_id)
        self._check_reach(session, caller, user)
        self._sessions.end_all(session, user.id)
        self._note(session, caller, "sessions_end", user)
        return user

    def assignments(self, session: Session, user_id: int) -> list[Assignment]:
        statement = select(Assignment).where(Assignment.user_id == user_id).order_by(Assignment.id)
        return list(session.scalars(statement))

    def _set_password(self, user: User, password: str, *, must_change: bool) -> None:
        user.password_hash = self.passwords.hash(password)
        user.password_changed_at = user.updated_at = self._clock.now()
        user.must_change_password = must_change
        user.version += 1

    def _get(self, session: Session, user_id: int | None) -> User:
        user = session.get(User, user_id, with_for_update=True) if user_id is not None else None
        if user is None:
            raise not_found("user", user_id)
        return user

    def _check_links(
        self, session: Session, organisation: int | None, department: int | None, post: int | None
    ) -> None:
        links: tuple[tuple[type[Any], str, int | None], ...] = (
            (Organisation, "organisation_id", organisation),
            (Department, "department_id", department),
            (Post, "post_id", post),
        )
        for model, field, key in links:
            if key is not None and session.get(model, key) is None:
                raise invalid("kernel.no_such_record", f"/{field}", field=field, key=key)

    @staticmethod
    def _check_subject(session: Session, subject: str | None, own: int | None) -> None:
        if subject is None:
            return
        holder = session.scalar(select(User.id).where(User.oidc_subject == subject))
        if holder is not None and holder != own:
            raise conflict("kernel.user.subject_taken")

    def _check_assignments(self, session: Session, caller: Caller, wanted: Sequence[AssignmentBody]) -> None:
        """Known roles, one scope for all of them, and nothing that goes beyond the caller's own rights."""
        for i, item in enumerate(wanted):
            where = f"/assignments/{i}"
            if item.role not in ROLES:
                raise invalid("kernel.user.unknown_role", f"{where}/role", role=item.role)
            if (item.scope == "enterprises") != (item.role in ENTERPRISE_ROLES):
                raise invalid("kernel.user.role_scope", f"{where}/scope", role=item.role, scope=item.scope)
            if (item.scope == "zone") != (not item.scope_ids):
                raise invalid("kernel.user.scope_ids", f"{where}/scope_ids", scope=item.scope)
            if item.scope == "departments":
                for key in item.scope_ids:
                    if session.get(Department, key) is None:
                        field = "scope_ids"
                        raise invalid("kernel.no_such_record", f"{where}/{field}", field=field, key=key)
            self._check_hand_out(caller, item.role)
        scopes = {(item.scope, tuple(sorted(set(item.scope_ids)))) for item in wanted}
        if len(scopes) > 1:
            # Grants of all roles count together, so a wide scope would carry the rights of a narrow one.
            raise invalid("kernel.user.mixed_scopes", "/assignments")

    @staticmethod
    def _check_hand_out(caller: Caller, role: str) -> None:
        for pattern in ROLES[role]:
            if not any(covers(own, pattern) for own in caller.grants):
                raise forbidden(pattern)

    def _check_reach(self, session: Session, caller: Caller, user: User) -> None:
        """Nobody changes the account of somebody who may do more than they may."""
        for item in self.assignments(session, user.id):
            if item.role in ROLES:
                self._check_hand_out(caller, item.role)

    def _replace_assignments(self, session: Session, user: User, wanted: Sequence[AssignmentBody]) -> None:
        session.execute(delete(Assignment).where(Assignment.user_id == user.id))
        session.add_all(
            Assignment(
                user_id=user.id, role=item.role, scope=item.scope, scope_ids=sorted(set(item.scope_ids))
            )
            for item in wanted
        )
        session.flush()

    @staticmethod
    def _keep_an_administrator(session: Session) -> None:
        left = session.scalar(
            select(User.id)
            .join(Assignment, Assignment.user_id == User.id)
            .where(User.active, Assignment.role == "administrator")
            .limit(1)
        )
        if left is None:
            raise conflict("kernel.user.last_administrator")

    def _note(
        self,
        session: Session,
        caller: Caller,
        verb: str,
        user: User,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        action = f"kernel.user.{verb}"
        audit.record(session, caller, action=action, subject=("user", user.id), before=before, after=after)
        self._callers.forget_after(session)


def _shown(item: Assignment) -> dict[str, Any]:
    return {"role": item.role, "scope": item.scope, "scope_ids": item.scope_ids}
