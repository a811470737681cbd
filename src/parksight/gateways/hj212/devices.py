"""The devices on the allow-list as the running gateway holds them: policy, key, owner, gaps."""

from __future__ import annotations

import fnmatch
import ipaddress
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from parksight.gateways.directory import DeviceDirectory, DeviceRecord
from parksight.gateways.hj212.batch.tables import Known, Tables
from parksight.gateways.hj212.codec.commands import Version
from parksight.gateways.hj212.codec.sm4 import Sm4
from parksight.gateways.hj212.config import SEALED, Hj212Config, Hj212Policy
from parksight.kernel.errors import ProblemError

if TYPE_CHECKING:
    from parksight.gateways.hj212.session import Session

log = structlog.get_logger(__name__)

PROTOCOL = "hj212"
#: Gaps of real-time data remembered per device; the oldest give way.
_MAX_GAPS = 32
#: A silence shorter than this many intervals is no gap.
_GAP_INTERVALS = 2.5
#: Values of ``Tables.fast``.
SLOW, FAST, FAST_BUT_MINUTES = 0, 1, 2


@dataclass(slots=True)
class Gaps:
    """Spans without real-time data, by the device's own clock (UTC ms).

    Attributes:
        interval: ms between real-time frames, from the expected period of its points.
        newest: DataTime of the newest real-time frame, None before the first.
        spans: (after, before) of each gap, oldest first.
    """

    interval: int = 60_000
    newest: int | None = None
    spans: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_MAX_GAPS))

    def real_time(self, observed: int) -> tuple[int, int] | None:
        """A real-time frame came; the gap it closes, if any."""
        before = self.newest
        if before is not None and observed <= before:
            return None
        self.newest = observed
        if before is None or observed - before <= _GAP_INTERVALS * self.interval:
            return None
        self.spans.append((before, observed))
        return before, observed

    def covers(self, moment: int) -> bool:
        """Whether an instant lies within a known gap."""
        return any(after < moment < before for after, before in self.spans)


class DeviceState:
    """One device while the gateway runs; survives reloads of the records.

    Attributes:
        owner: the connection it speaks through now.
        version: what it spoke last.
        password: PW of its newest frame.
        st: ST of its newest upload.
    """

    __slots__ = (
        "config", "gaps", "key", "networks", "owner", "password", "policy", "record", "st", "version",
    )  # fmt: skip

    def __init__(
        self, record: DeviceRecord, config: Hj212Config, policy: Hj212Policy, key: Sm4 | None
    ) -> None:
        self.record, self.config, self.policy, self.key = record, config, policy, key
        self.networks = [ipaddress.ip_network(n, strict=False) for n in policy.addresses]
        self.owner: Session | None = None
        self.version = Version.V2017
        self.password = config.password
        self.st = config.st
        self.gaps = Gaps()

    @property
    def id(self) -> int:
        return self.record.id

    def may_call_from(self, host: str) -> bool:
        """Whether its policy lets it call from this address."""
        if not self.networks:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def fast(self) -> int:
        """How much of what it sends the compiled path may decode."""
        if not self.record.enabled or self.key is not None or self.networks or not self.policy.answer:
            return SLOW
        return FAST_BUT_MINUTES if self.gaps.spans and self.policy.fill_gaps else FAST


class DeviceBook:
    """All devices of the protocol, and the decoder's tables made of them.

    Args:
        directory: devices and mappings.
        unseal: opens ``sealed:`` secrets; without it such a device cannot take part and is noted.
        late_ms: see :class:`Tables`.
    """

    def __init__(
        self, directory: DeviceDirectory, unseal: Callable[[str], str] | None = None, late_ms: int = 300_000
    ) -> None:
        self._directory = directory
        self._unseal = unseal
        self._late_ms = late_ms
        self.states: dict[int, DeviceState] = {}
        self.by_mn: dict[str, DeviceState] = {}
        self.rows: list[DeviceState] = []
        self.tables = Tables(())
        #: Devices whose record cannot be used: device id -> what is wrong.
        self.broken: dict[int, str] = {}

    def prepare(self) -> tuple[list[DeviceState], Tables, dict[int, str]]:
        """New states and tables from the records, in any thread; :meth:`adopt` takes them over."""
        states: list[DeviceState] = []
        broken: dict[int, str] = {}
        for record in self._directory.devices(PROTOCOL):
            try:
                states.append(self._state(record))
            except (ValidationError, ValueError, ProblemError) as error:
                broken[record.id] = str(error)[:500]
                log.warning("hj212_device_unusable", device=record.code, error=str(error)[:200])
        return states, Tables(self._known(states), self._late_ms), broken

    def _state(self, record: DeviceRecord) -> DeviceState:
        config = Hj212Config.model_validate(dict(record.config))
        policy = Hj212Policy.model_validate(dict(record.policy))
        key = None
        if config.sm4_key is not None:
            if self._unseal is None:
                raise ValueError("its SM4 key is sealed and this process has no key to open it")
            key = Sm4(bytes.fromhex(self._unseal(config.sm4_key.removeprefix(SEALED))))
        state = DeviceState(record, config, policy, key)
        periods = [m.period_s for a, m in self._directory.mappings(record.id).items() if a.endswith("-Rtd")]
        if periods:
            state.gaps.interval = max(1_000, int(min(periods) * 1000))
        return state

    def _known(self, states: Iterable[DeviceState]) -> Iterable[Known]:
        for state in states:
            record = state.record
            yield Known(
                record.id, record.address, self._directory.mappings(record.id), bool(state.fast()),
                record.quality_flags, state.policy.flags, ignored(state.policy.ignore),
            )  # fmt: skip

    def adopt(self, states: list[DeviceState], tables: Tables, broken: dict[int, str]) -> None:
        """Use what :meth:`prepare` made; connections and what was learned of a device stay."""
        for state in states:
            before = self.states.get(state.id)
            if before is not None:
                state.owner, state.version = before.owner, before.version
                state.gaps.newest, state.gaps.spans = before.gaps.newest, before.gaps.spans
                state.password = state.config.password or before.password
                state.st = state.config.st or before.st
        self.states = {s.id: s for s in states}
        self.by_mn = {s.record.address: s for s in states}
        self.rows = states
        self.tables = tables
        self.broken = broken
        for row, state in enumerate(states):
            tables.fast[row] = state.fast()

    def refresh_fast(self, state: DeviceState) -> None:
        """A gap opened or closed: decide again what may take the compiled path."""
        row = self.tables.row_of.get(state.record.address)
        if row is not None:
            self.tables.fast[row] = state.fast()


def ignored(patterns: tuple[str, ...]) -> Callable[[str], bool] | None:
    """Whether an address is deliberately not stored; None when nothing is."""
    if not patterns:
        return None

    def match(address: str) -> bool:
        return any(fnmatch.fnmatchcase(address, pattern) for pattern in patterns)

    return match
