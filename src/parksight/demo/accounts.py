"""People of the demo zone: its bureaux and city departments, one account per role, and the zone's own token.

Everything here is public by design (shown on the sign-in page of this machine) and exists only in a demo data folder.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.kernel.identity.callers import caller_of
from parksight.kernel.identity.models import ApiToken, User
from parksight.kernel.identity.schemas import (
    AssignmentBody,
    DepartmentCreate,
    OrganisationCreate,
    PostCreate,
    TokenCreate,
    UserCreate,
)
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.permissions import ROLES, SYSTEM
from parksight.registry.models import Enterprise

PASSWORD = "parksight-demo"
ZONE_ACCOUNT = "zone-in-a-box"
_TOKEN_DAYS = 30

_BUREAUX = (
    ("ADM", "综合办公室", "General Office"),
    ("SAFE", "应急管理局", "Emergency Management Bureau"),
    ("ENV", "生态环境局", "Ecology and Environment Bureau"),
    ("ECON", "经济发展局", "Economic Development Bureau"),
    ("PLAN", "规划建设局", "Planning and Construction Bureau"),
)
_CITY = (
    ("C-DRC", "发展和改革局", "Development and Reform"),
    ("C-MIIT", "工业和信息化局", "Industry and Information"),
    ("C-NR", "自然资源局", "Natural Resources"),
    ("C-HUD", "住房和城乡建设局", "Housing and Construction"),
    ("C-MSA", "市场监督管理局", "Market Supervision"),
    ("C-FIRE", "消防救援大队", "Fire and Rescue"),
    ("C-PSB", "公安局", "Public Security"),
    ("C-WATER", "水务局", "Water Affairs"),
    ("C-TAX", "税务局", "Taxation"),
    ("C-HRSS", "人力资源和社会保障局", "Human Resources"),
    ("C-APPR", "行政审批局", "Administrative Approval"),
)
#: role -> (username, Chinese name, English name, bureau, post, post in English)
_PEOPLE = {
    "administrator": ("admin", "林知远", "Lin Zhiyuan", "ADM", "系统管理员", "System administrator"),
    "zone_leader": ("leader", "宋怀川", "Song Huaichuan", "ADM", "管委会主任", "Zone leader"),
    "duty_operator": ("duty", "周衡", "Zhou Heng", "SAFE", "值班员", "Duty operator"),
    "safety_officer": ("safety", "何临渊", "He Linyuan", "SAFE", "安全监管员", "Safety officer"),
    "environment_officer": (
        "environment",
        "沈青禾",
        "Shen Qinghe",
        "ENV",
        "环保监管员",
        "Environment officer",
    ),
    "energy_manager": ("energy", "陆星野", "Lu Xingye", "ECON", "能源管理员", "Energy manager"),
    "planner": ("planner", "许知行", "Xu Zhixing", "PLAN", "规划员", "Planner"),
    "integrator": ("integrator", "韩东篱", "Han Dongli", "ADM", "系统集成员", "System integrator"),
    "auditor": ("auditor", "程一诺", "Cheng Yinuo", "ADM", "审计员", "Auditor"),
}
#: The other crews of the watch: (username, Chinese name, English name); crew A is the duty operator above.
RELIEF = (
    ("duty-b", "顾望舒", "Gu Wangshu"),
    ("duty-c", "秦川", "Qin Chuan"),
    ("duty-d", "叶知秋", "Ye Zhiqiu"),
)
#: role -> (username, Chinese name, English name, code of the enterprise)
_ENTERPRISE_PEOPLE = {
    "enterprise_manager": ("firm", "罗景行", "Luo Jingxing", "E001"),
    "enterprise_user": ("firm-user", "白露", "Bai Lu", "E002"),
}


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One line of the list that is shown to everybody at the machine."""

    username: str
    password: str
    role: str


def listed() -> list[DemoAccount]:
    """The accounts in the order in which a visitor may want them."""
    people = {**{r: p[0] for r, p in _PEOPLE.items()}, **{r: p[0] for r, p in _ENTERPRISE_PEOPLE.items()}}
    relief = [("duty_operator", username) for username, _, _ in RELIEF]
    return [DemoAccount(name, PASSWORD, role) for role, name in (*people.items(), *relief)]


def seed(session: Session, identity: IdentityServices) -> None:
    """Make departments, posts and zone-wide accounts on a fresh demo."""
    zone = identity.organisations.create_organisation(
        session,
        SYSTEM,
        OrganisationCreate(code="ZONE", name="开发区管委会", name_en="Zone administration", kind="zone"),
    )
    city = identity.organisations.create_organisation(
        session,
        SYSTEM,
        OrganisationCreate(code="CITY", name="市直部门", name_en="City departments", kind="city"),
    )
    session.flush()
    bureaux = {}
    for code, name, english in _BUREAUX:
        body = DepartmentCreate(organisation_id=zone.id, code=code, name=name, name_en=english, kind="bureau")
        bureaux[code] = identity.organisations.create_department(session, SYSTEM, body)
    for code, name, english in _CITY:
        body = DepartmentCreate(
            organisation_id=city.id, code=code, name=name, name_en=english, kind="city_department"
        )
        identity.organisations.create_department(session, SYSTEM, body)
    session.flush()
    for role, (username, name, english, bureau, post_name, post_english) in _PEOPLE.items():
        post = identity.organisations.create_post(
            session, SYSTEM,
            PostCreate(department_id=bureaux[bureau].id, code=role.upper(), name=post_name, name_en=post_english),
        )  # fmt: skip
        session.flush()
        crew = RELIEF if role == "duty_operator" else ()
        for who, called, spelt in ((username, name, english), *crew):
            _person(
                session, identity, who, called, spelt, AssignmentBody(role=role),
                department=bureaux[bureau].id, post=post.id,
            )  # fmt: skip
    _person(session, identity, ZONE_ACCOUNT, "演示园区", "Zone in a box", AssignmentBody(role="integrator"))


def seeded(session: Session) -> bool:
    """Whether :func:`seed` has run here."""
    return session.scalar(select(User.id).where(User.username == ZONE_ACCOUNT)) is not None


def zone_token(session: Session, identity: IdentityServices) -> str:
    """A fresh API token for the zone in a box; those of earlier starts end."""
    machine = session.scalars(select(User).where(User.username == ZONE_ACCOUNT)).one()
    caller = caller_of(machine, identity.accounts.assignments(session, machine.id))
    for old in session.scalars(
        select(ApiToken.id).where(ApiToken.user_id == machine.id, ApiToken.revoked_at.is_(None))
    ).all():
        identity.tokens.revoke(session, caller, old)
    body = TokenCreate(name="zone in a box", grants=list(ROLES["integrator"]), days=_TOKEN_DAYS)
    return identity.tokens.issue(session, caller, body)[1]


def seed_enterprise_people(session: Session, identity: IdentityServices) -> None:
    """Make the accounts of enterprise people once the zone has introduced its enterprises; idempotent."""
    for role, (username, name, english, code) in _ENTERPRISE_PEOPLE.items():
        if session.scalar(select(User.id).where(User.username == username)) is not None:
            continue
        enterprise = session.scalar(select(Enterprise.id).where(Enterprise.code == code))
        if enterprise is not None:
            scope = AssignmentBody(role=role, scope="enterprises", scope_ids=[enterprise])
            _person(session, identity, username, name, english, scope)


def _person(
    session: Session, identity: IdentityServices, username: str, name: str, english: str,
    assignment: AssignmentBody, department: int | None = None, post: int | None = None,
) -> User:  # fmt: skip
    body = UserCreate(
        username=username, name=name, name_en=english, department_id=department, post_id=post,
        password=PASSWORD, assignments=[assignment],
    )  # fmt: skip
    return identity.accounts.create(session, SYSTEM, body, demo=True, judged=False)
