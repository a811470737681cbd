"""Talks to the zone's control route on loopback; the pages only ever talk to ParkSight."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from parksight.demo.accounts import DemoAccount
from parksight.demo.schemas import DemoStatus, HistoryProgress, Scenario
from parksight.kernel.errors import ProblemError, not_found

_TIMEOUT_S = 5.0


@dataclass
class DemoService:
    """The switchboard.

    Attributes:
        address: the zone's control route, known once the zone says where it listens.
        token: opens that route.
        accounts: the demo's public accounts, shown on the sign-in page.
    """

    address: str | None = None
    token: str | None = None
    accounts: list[DemoAccount] = field(default_factory=list)

    async def status(self, language: str) -> DemoStatus:
        """Scenarios and history; unreachable is an answer, not an error."""
        try:
            scenarios = await self._ask("GET", "/scenarios", language)
            state = await self._ask("GET", "/status", language)
        except ProblemError:
            return DemoStatus(reachable=False, scenarios=[], history=None)
        history = state.get("history")
        return DemoStatus(
            reachable=True,
            scenarios=[Scenario.model_validate(row) for row in scenarios],
            history=None if history is None else HistoryProgress.model_validate(history),
        )

    async def start(self, name: str, duration_s: float | None, language: str) -> Scenario:
        body = {} if duration_s is None else {"duration_s": duration_s}
        return Scenario.model_validate(await self._ask("POST", f"/scenarios/{name}", language, body))

    async def stop(self, name: str, language: str) -> Scenario:
        return Scenario.model_validate(await self._ask("DELETE", f"/scenarios/{name}", language))

    async def _ask(self, method: str, path: str, language: str, body: dict[str, Any] | None = None) -> Any:
        if self.address is None or self.token is None:
            raise ProblemError("demo.unreachable", HTTPStatus.SERVICE_UNAVAILABLE)
        headers = {"authorization": f"Bearer {self.token}", "accept-language": language}
        try:
            async with httpx.AsyncClient(base_url=self.address, timeout=_TIMEOUT_S) as client:
                answer = await client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ProblemError("demo.unreachable", HTTPStatus.SERVICE_UNAVAILABLE) from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise not_found("demo.scenario", path.rsplit("/", 1)[-1])
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise ProblemError("demo.refused", HTTPStatus.BAD_REQUEST, {"answer": answer.text[:200]})
        return answer.json()
