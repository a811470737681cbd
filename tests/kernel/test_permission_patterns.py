"""Permission patterns as algebra, and what scopes let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import column, select, table

from parksight.kernel.errors import ProblemError
from parksight.kernel.identity.callers import caller_of
from parksight.kernel.identity.models import Assignment, User
from parksight.kernel.permissions import ENTERPRISE_ROLES, ROLES, Caller, covers, narrow, narrow_all

word = st.sampled_from(["a", "b", "read"])
permissions = st.lists(word, min_size=1, max_size=4).map(".".join)
patterns = st.lists(st.one_of(word, st.just("*")), min_size=1, max_size=4).map(".".join)


@given(patterns, patterns, permissions)
def test_narrowing_covers_exactly_what_both_cover(first: str, second: str, permission: str) -> None:
    both = covers(first, permission) and covers(second, permission)
    left = narrow(first, second)
    assert (left is not None and covers(left, permission)) == both


@given(patterns, patterns, permissions)
def test_a_covered_pattern_covers_nothing_more(outer: str, inner: str, permission: str) -> None:
    """The check behind "nobody hands out rights beyond their own"."""
    if covers(outer, inner) and covers(inner, permission):
        assert covers(outer, permission)


@given(st.lists(patterns, max_size=4), st.lists(patterns, max_size=4), permissions)
def test_a_token_never_widens_its_owner(limits: list[str], grants: list[str], permission: str) -> None:
    owner = Caller(1, "o", grants=tuple(grants))
    token = Caller(1, "t", grants=narrow_all(limits, grants))
    allowed = owner.may(permission) and any(covers(limit, permission) for limit in limits)
    assert token.may(permission) == allowed


@pytest.mark.parametrize(
    ("pattern", "permission", "expected"),
    [("registry.*.read", "registry.enterprise.read", True), ("registry.*.read", "registry.a.b.read", False),
     ("registry.*", "registry.a.b.read", True), ("registry.*", "registry", False), ("*", "x.y", True),
     ("registry.*.read", "registry.enterprise.write", False), ("kernel.user.read", "kernel.user", False)],
)  # fmt: skip
def test_patterns(pattern: str, permission: str, expected: bool) -> None:
    assert covers(pattern, permission) is expected


def user(**more: object) -> User:
    return User(id=1, name="x", department_id=None, language=None, must_change_password=False, **more)


def roles(*rows: tuple[str, str, list[int]]) -> list[Assignment]:
    return [Assignment(user_id=1, role=role, scope=scope, scope_ids=ids) for role, scope, ids in rows]


def test_callers_from_assignments() -> None:
    assert caller_of(user(), []).enterprises == frozenset()
    zone = caller_of(user(), roles(("duty_operator", "zone", [])))
    assert zone.enterprises is None
    department = caller_of(user(), roles(("planner", "departments", [3, 4])))
    assert (department.enterprises, department.departments) == (None, frozenset({3, 4}))
    firm = caller_of(user(), roles(("enterprise_user", "enterprises", [7])))
    assert firm.enterprises == frozenset({7})
    # Should rows of different scope ever meet, the narrow one wins.
    mixed = caller_of(user(), roles(("planner", "zone", []), ("enterprise_user", "enterprises", [7])))
    assert mixed.enterprises == frozenset({7})
    assert caller_of(user(), roles(("no_such_role", "zone", []))).grants == ()


@given(st.frozensets(st.integers(1, 9), max_size=4), st.integers(1, 9) | st.none())
def test_scope_of_queries_and_of_single_records_agree(own: frozenset[int], enterprise: int | None) -> None:
    caller = Caller(1, "x", enterprises=own)
    things = table("things", column("enterprise_id"))
    where = caller.scoped(select(things), things.c.enterprise_id).whereclause
    text = str(where.compile(compile_kwargs={"literal_binds": True})) if where is not None else ""
    listed = (
        {int(n) for n in text[text.find("(") + 1 : text.rfind(")")].split(",")} if "IN" in text else set()
    )
    assert listed == set(own)
    assert caller.may_see_enterprise(enterprise) == (enterprise in own)


def test_no_enterprise_role_reaches_the_kernels_administration() -> None:
    for role in ENTERPRISE_ROLES:
        caller = Caller(1, "x", grants=ROLES[role])
        for permission in (
            "kernel.user.read",
            "kernel.user.write",
            "kernel.audit.read",
            "kernel.settings.read",
        ):
            with pytest.raises(ProblemError, match="forbidden"):
                caller.require(permission)
