"""What the registry shows elsewhere: the enterprise page and its tabs.

Modules above register a tab; the page shows those whose permission the caller has. No module is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from parksight.kernel.permissions import Caller
from parksight.registry import repository
from parksight.registry.kinds import BY_NOUN, OUT
from parksight.registry.models import Enterprise


@dataclass(frozen=True)
class EnterpriseTab:
    """A tab of the enterprise page.

    Attributes:
        key: unique word, ``alarms``.
        title_key: translation key of its title.
        permission: who may open it.
        href: API address of its content; ``{id}`` is replaced by the enterprise's id.
        order: place in the row; 100 apart leaves room between.
    """

    key: str
    title_key: str
    permission: str
    href: str
    order: int = 1000


class EnterpriseTabs:
    """The tabs that modules have contributed."""

    def __init__(self) -> None:
        self._tabs: dict[str, EnterpriseTab] = {}
        for position, name in enumerate(("sites", "units", "equipment", "cameras", "people"), start=1):
            noun = next(n for n, kind in BY_NOUN.items() if kind.name == name)
            self.register(
                EnterpriseTab(
                    name, f"registry.tab.{name}", f"registry.{noun}.read",
                    f"/api/v1/{name}?enterprise_id={{id}}", position * 100,
                )
            )  # fmt: skip

    def register(self, tab: EnterpriseTab) -> None:
        """Add a tab.

        Raises:
            ValueError: when the key is taken; two modules would overwrite each other.
        """
        if tab.key in self._tabs:
            raise ValueError(f"the enterprise tab {tab.key!r} is registered already")
        self._tabs[tab.key] = tab

    def of(self, caller: Caller) -> list[EnterpriseTab]:
        return sorted(
            (t for t in self._tabs.values() if caller.may(t.permission)), key=lambda t: (t.order, t.key)
        )


def summary(session: Session, caller: Caller, enterprise_id: int) -> tuple[dict[str, object], dict[str, int]]:
    """An enterprise as the API shows it and what it has."""
    record = repository.get(session, caller, BY_NOUN["enterprise"], enterprise_id)
    shown = OUT["enterprises"].model_validate(record).model_dump(mode="json")
    return shown, repository.counts_of_enterprise(session, caller, enterprise_id)


def figures(session: Session, caller: Caller) -> dict[str, object]:
    """Numbers for the one screen: enterprises by industry and status, as the caller may see them."""
    kind = BY_NOUN["enterprise"]

    def by(column: Any) -> dict[str, int]:
        statement = repository.visible(caller, kind, column, func.count()).where(Enterprise.active.is_(True))
        rows = session.execute(statement.group_by(column))
        return {"unknown" if row[0] is None else str(row[0]): int(row[1]) for row in rows}

    industries = by(Enterprise.industry)
    return {
        "enterprises": sum(industries.values()),
        "by_industry": industries,
        "by_status": by(Enterprise.status),
        "chemical": by(Enterprise.chemical).get("True", 0),
    }
