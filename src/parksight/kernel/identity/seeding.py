"""First accounts: the administrator of a new zone, and everybody in the demo."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.kernel.bus import Bus
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError, conflict
from parksight.kernel.identity.callers import caller_of
from parksight.kernel.identity.models import Assignment, Department, Organisation, Post, User
from parksight.kernel.identity.schemas import AssignmentBody, TokenCreate, UserCreate
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.permissions import ENTERPRISE_ROLES, ROLES, SYSTEM
from parksight.kernel.settings import Settings

DEMO_FILE = "demo-accounts.json"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

#: code, Chinese name, English name, kind
_ORGANISATIONS = (
    ("zone", "青原经济开发区管理委员会", "Zone Administration", "zone"),
    ("city", "青原市直部门", "City departments", "city"),
    ("group", "青原开发建设投资集团", "Zone Development Group", "group"),
)
_BUREAUX = (
    ("party-office", "党政综合办公室", "General Office"),
    ("economy", "经济发展局", "Economic Development Bureau"),
    ("safety-environment", "安全生产与生态环境局", "Work Safety and Environment Bureau"),
    ("planning", "规划建设局", "Planning and Construction Bureau"),
    ("landing", "招商项目落地服务局", "Project Landing Service Bureau"),
)
_CITY = (
    ("city-reform", "市发展和改革委员会", "City Development and Reform Commission"),
    ("city-industry", "市工业和信息化局", "City Industry and Information Bureau"),
    ("city-resources", "市自然资源局", "City Natural Resources Bureau"),
    ("city-environment", "市生态环境局", "City Ecology and Environment Bureau"),
    ("city-housing", "市住房和城乡建设局", "City Housing and Construction Bureau"),
    ("city-emergency", "市应急管理局", "City Emergency Management Bureau"),
    ("city-market", "市市场监督管理局", "City Market Regulation Bureau"),
    ("city-water", "市水利局", "City Water Bureau"),
    ("city-transport", "市交通运输局", "City Transport Bureau"),
    ("city-fire", "市消防救援大队", "City Fire and Rescue"),
    ("city-services", "市营商环境建设局", "City Business Environment Bureau"),
)


@dataclass(frozen=True)
class _Person:
    role: str
    username: str
    name: str
    name_en: str
    department: str | None
    post: str
    post_en: str


_PEOPLE = (
    _Person("administrator", "admin", "林管理", "Lin Guanli", "party-office", "信息化管理员", "IT administrator"),
    _Person("zone_leader", "leader", "赵主任", "Director Zhao", "party-office", "管委会主任", "Zone director"),
    _Person("duty_operator", "duty", "钱值班", "Qian Zhiban", "safety-environment", "指挥中心值班员", "Duty operator"),
    _Person("safety_officer", "safety", "孙安全", "Sun Anquan", "safety-environment", "安全监管员", "Safety officer"),
    _Person("environment_officer", "environment", "李环保", "Li Huanbao", "safety-environment", "环保监管员",
            "Environment officer"),
    _Person("energy_manager", "energy", "周能源", "Zhou Nengyuan", "economy", "能源管理员", "Energy manager"),
    _Person("planner", "planner", "吴规划", "Wu Guihua", "planning", "规划员", "Planner"),
    _Person("integrator", "integrator", "郑集成", "Zheng Jicheng", "party-office", "系统集成员", "System integrator"),
    _Person("auditor", "auditor", "王审计", "Wang Shenji", "party-office", "审计员", "Auditor"),
    _Person("enterprise_manager", "firm-manager", "冯厂长", "Feng Changzhang", None, "", ""),
    _Person("enterprise_user", "firm-user", "陈企安", "Chen Qi'an", None, "", ""),
)  # fmt: skip


@dataclass(frozen=True)
class DemoAccount:
    """One account of the demo; its password is public."""

    username: str
    password: str
    role: str
    name: str


@dataclass(frozen=True)
class SeededDemo:
    """What the demo needs: accounts as mappings (``username, password, role, name``) and the zone's token."""

    accounts: list[dict[str, str]]
    token: str


def create_account(
    session: Session, settings: Settings, clock: Clock, *, username: str, name: str, role: str, password: str
) -> User:
    """An account made by whoever sits at the machine: the first administrator of a new zone.

    Raises:
        ProblemError: unknown or enterprise role, taken name, weak password.
    """
    if role in ENTERPRISE_ROLES:
        raise ProblemError("kernel.user.role_scope", 422, {"role": role, "scope": "zone"}, "/role")
    services, db = _services(settings, clock)
    try:
        body = UserCreate(
            username=username, name=name, password=password, assignments=[AssignmentBody(role=role)]
        )
        user = services.accounts.create(session, SYSTEM, body)
        user.must_change_password = False  # its owner has just typed it
        return user
    finally:
        services.callers.close()
        db.close()


def seed_demo_accounts(
    session: Session,
    settings: Settings,
    clock: Clock,
    *,
    enterprise_ids: tuple[int, ...] = (1,),
    hasher: PasswordHasher | None = None,
) -> list[DemoAccount]:
    """The zone's organisations, departments and posts, and one account per role.

    Args:
        session: unit of work on an empty set of people.
        settings: ``zone.demo`` must be set: these passwords are shown to everybody at this machine.
        clock: time.
        enterprise_ids: enterprises the two enterprise accounts are limited to.
        hasher: argon2 parameters; the strong default without.

    Returns:
        The accounts with their passwords, random for this installation, in the order of the roles.

    Raises:
        ProblemError: 409 ``kernel.demo.not_demo`` or ``kernel.demo.people_exist``.
    """
    if not settings.zone.demo:
        raise conflict("kernel.demo.not_demo")
    if session.scalar(select(User.id).limit(1)) is not None:
        raise conflict("kernel.demo.people_exist")
    missing = set(ROLES) - {person.role for person in _PEOPLE}
    if missing:
        raise ValueError(f"the demo has nobody for the role(s) {', '.join(sorted(missing))}")
    departments = _seed_departments(session)
    services, db = _services(settings, clock, hasher)
    out: list[DemoAccount] = []
    try:
        for person in _PEOPLE:
            limited = person.role in ENTERPRISE_ROLES
            department = departments[person.department] if person.department else None
            post = _post(session, person, department) if department else None
            password = "".join(secrets.choice(_LETTERS) for _ in range(8))
            body = UserCreate(
                username=person.username, name=person.name, name_en=person.name_en, password=password,
                organisation_id=department.organisation_id if department else None,
                department_id=department.id if department else None, post_id=post.id if post else None,
                assignments=[
                    AssignmentBody(
                        role=person.role, scope="enterprises" if limited else "zone",
                        scope_ids=list(enterprise_ids) if limited else [],
                    )
                ],
            )  # fmt: skip
            services.accounts.create(session, SYSTEM, body, demo=True, judged=False)
            out.append(DemoAccount(person.username, password, person.role, person.name))
    finally:
        services.callers.close()
        db.close()
    return out


def seed_demo(
    session: Session, settings: Settings, clock: Clock, *, hasher: PasswordHasher | None = None
) -> SeededDemo:
    """The demo's accounts and an API token with which the zone in a box sets itself up."""
    accounts = seed_demo_accounts(session, settings, clock, hasher=hasher)
    user = session.scalars(select(User).where(User.username_key == "integrator")).one()
    assignments = list(session.scalars(select(Assignment).where(Assignment.user_id == user.id)))
    services, db = _services(settings, clock)
    try:
        body = TokenCreate(
            name="parkzone", grants=list(ROLES["integrator"]), days=settings.security.token_days
        )
        _, token = services.tokens.issue(session, caller_of(user, assignments), body)
    finally:
        services.callers.close()
        db.close()
    rows = [
        {"username": a.username, "password": a.password, "role": a.role, "name": a.name} for a in accounts
    ]
    return SeededDemo(rows, token)


def read_demo_accounts(folder: Path) -> list[DemoAccount]:
    """The accounts that were noted in the data folder for showing; empty when there are none."""
    file = folder / DEMO_FILE
    try:
        rows = json.loads(file.read_text("utf-8"))["accounts"]
        return [DemoAccount(r["username"], r["password"], r["role"], r.get("name", "")) for r in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _services(
    settings: Settings, clock: Clock, hasher: PasswordHasher | None = None
) -> tuple[IdentityServices, Database]:
    """Services for use outside the server; the caller's session does the writing."""
    db = Database(settings.records_url, Bus(), clock)
    return IdentityServices.build(settings, db, clock, hasher), db


def _seed_departments(session: Session) -> dict[str, Department]:
    organisations = {
        code: Organisation(code=code, name=name, name_en=name_en, kind=kind)
        for code, name, name_en, kind in _ORGANISATIONS
    }
    session.add_all(organisations.values())
    session.flush()
    out: dict[str, Department] = {}
    for owner, kind, rows in (("zone", "bureau", _BUREAUX), ("city", "city_department", _CITY)):
        for code, name, name_en in rows:
            out[code] = Department(
                organisation_id=organisations[owner].id, code=code, name=name, name_en=name_en, kind=kind
            )
    session.add_all(out.values())
    session.flush()
    return out


def _post(session: Session, person: _Person, department: Department) -> Post:
    post = Post(
        department_id=department.id, code=person.role.replace("_", "-"), name=person.post,
        name_en=person.post_en,
    )  # fmt: skip
    session.add(post)
    session.flush()
    return post
