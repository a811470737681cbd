"""A registry on a real database behind real routes; ``park.who`` is the caller of the next request."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from parksight.kernel.bus import Bus, Event
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import ROLES, SYSTEM, Caller
from parksight.registry.api import router
from parksight.registry.layers import LayerCache
from parksight.registry.panel import EnterpriseTabs
from parksight.registry.picking import Picker
from parksight.registry.service import RegistryService
from parksight.registry.transfer.importer import Importer, ImportLimits

START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def caller(role: str, *enterprises: int) -> Caller:
    """A caller with a role; limited to the enterprises when some are given."""
    return Caller(
        id=7,
        name=role,
        grants=ROLES[role],
        roles=(role,),
        enterprises=frozenset(enterprises) if enterprises else None,
    )


class Park:
    """The application under test with its parts at hand."""

    def __init__(self, url: str) -> None:
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe(">", self.events.append)
        self.clock = SimulatedClock(START)
        self.db = Database(url, self.bus, self.clock)
        self.db.create_all()
        self.service = RegistryService(self.db, self.clock)
        self.service.start()
        self.limits = ImportLimits(max_bytes=4_000_000, max_rows=5_000)
        self.importer = Importer(self.db, self.clock, self.limits)
        self.who: Caller = SYSTEM
        self.app = FastAPI()
        add_handlers(self.app)
        self.app.include_router(router)
        state = self.app.state
        state.db, state.clock, state.registry = self.db, self.clock, self.service
        state.registry_importer, state.registry_layers = self.importer, LayerCache()
        state.registry_picker, state.enterprise_tabs = Picker(), EnterpriseTabs()

        @self.app.middleware("http")
        async def _sign_in(request: Request, proceed):  # type: ignore[no-untyped-def]
            request.state.caller = self.who
            return await proceed(request)

        self.http = TestClient(self.app)

    def make(self, records: str, /, **fields: object) -> dict[str, object]:
        fields.setdefault("name", str(fields["code"]))
        answer = self.http.post(f"/api/v1/{records}", json=fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, object] = answer.json()
        return made

    def load(
        self, kind: str, content: bytes, filename: str = "rows.csv", **query: object
    ) -> dict[str, object]:
        answer = self.http.post(
            f"/api/v1/registry/import/{kind}", files={"file": (filename, content)}, params=query,
            headers={"accept-language": "en"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        report: dict[str, object] = answer.json()
        return report
