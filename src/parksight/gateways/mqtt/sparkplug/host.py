"""The host's side of the Sparkplug session rules, pure: messages in; samples, deaths and rebirth wishes out.

Eclipse Sparkplug 3.0.0, 5 and 6: names and aliases live from birth to death, ``seq`` counts 0 to 255 and starts
at 0 with NBIRTH, an NDEATH counts only with the ``bdSeq`` of the birth.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from parksight.gateways.mqtt.samples import Sample
from parksight.gateways.mqtt.sparkplug.codec import BD_SEQ, Decoded, MetricValue, decode, number
from parksight.gateways.mqtt.template import PayloadError
from parksight.gateways.mqtt.topics import fill

#: A node is asked for its birth at most this often.
REBIRTH_EVERY_MS = 10_000
_CONTROL = ("Node Control/", "Device Control/", "Properties/", "Node Info/", "Device Info/")
_KINDS = frozenset({"NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA"})
_PREFIX = "spBv1.0"


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed topic; ``device`` is empty for messages of the node itself."""

    kind: str
    group: str
    node: str
    device: str


def parse_topic(topic: str) -> Address | None:
    """The parts of a Sparkplug topic; None for STATE, commands and whatever else is no data of a device.

    Raises:
        PayloadError: ``sparkplug_topic``: of the namespace, but not as 6.3 says.
    """
    levels = topic.split("/")
    if levels[0] != _PREFIX:
        raise PayloadError("sparkplug_topic")
    if len(levels) >= 2 and levels[1] == "STATE":
        return None
    if len(levels) not in (4, 5) or not all(levels):
        raise PayloadError("sparkplug_topic")
    kind = levels[2]
    if kind in ("NCMD", "DCMD"):
        return None
    if kind not in _KINDS or (kind[0] == "D") != (len(levels) == 5):
        raise PayloadError("sparkplug_topic")
    return Address(kind, levels[1], levels[3], levels[4] if len(levels) == 5 else "")


@dataclass(slots=True)
class _Names:
    """What a birth said: alias -> name, name -> data type."""

    by_alias: dict[int, str] = field(default_factory=dict)
    types: dict[str, int | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Node:
    born: bool = False
    bd_seq: int | None = None
    seq: int | None = None
    names: dict[str, _Names] = field(default_factory=dict)
    asked_ms: int | None = None


@dataclass(slots=True)
class Outcome:
    """What follows from one message.

    Attributes:
        samples: values to hand over.
        died: device keys known dead now.
        born: device keys known alive now.
        rebirth: topic on which to send the rebirth command, None for none.
    """

    samples: list[Sample] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    born: list[str] = field(default_factory=list)
    rebirth: str | None = None


class SparkplugHost:
    """Session state of all nodes seen through one broker connection.

    Args:
        device: pattern of a device key over ``{group}``, ``{node}`` and ``{device}``.
        max_nodes: nodes remembered; messages of further ones are refused as ``too_many_nodes``.
        max_names: metrics remembered per node.
    """

    def __init__(
        self, device: str = "{node}/{device}", max_nodes: int = 10_000, max_names: int = 50_000
    ) -> None:
        self._pattern = device
        self._max_nodes = max_nodes
        self._max_names = max_names
        self._nodes: dict[tuple[str, str], _Node] = {}
        self.counters: Counter[str] = Counter()

    def key(self, at: Address) -> str:
        return fill(self._pattern, {"group": at.group, "node": at.node, "device": at.device})

    def message(self, topic: str, body: bytes, now_ms: int) -> Outcome:
        """Take a message in.

        Raises:
            PayloadError: it cannot be read, or a limit is reached.
        """
        at = parse_topic(topic)
        if at is None:
            self.counters["not_data"] += 1
            return Outcome()
        payload = decode(body)
        node = self._nodes.get((at.group, at.node))
        if node is None:
            if len(self._nodes) >= self._max_nodes:
                raise PayloadError("too_many_nodes")
            node = self._nodes[at.group, at.node] = _Node()
        out = Outcome()
        if at.kind == "NDEATH":
            self._node_death(at, node, payload, out)
        elif at.kind == "NBIRTH":
            self._node_birth(at, node, payload, now_ms, out)
        else:
            self._in_sequence(at, node, payload, now_ms, out)
            if at.kind == "DDEATH":
                node.names.pop(at.device, None)
                out.died.append(self.key(at))
                self.counters["ddeath"] += 1
            elif at.kind == "DBIRTH":
                self._birth(at, node, payload, out)
                self.counters["dbirth"] += 1
            else:
                self._data(at, node, payload, now_ms, out)
        return out

    def lost(self) -> None:
        """The connection to the broker was lost: sequences start anew, names stay until the next birth."""
        for node in self._nodes.values():
            node.seq = None

    # -- births and deaths -------------------------------------------------------------------------

    def _node_birth(self, at: Address, node: _Node, payload: Decoded, now_ms: int, out: Outcome) -> None:
        node.born, node.asked_ms = True, None
        node.names.clear()
        node.bd_seq = next(
            (int(m.raw) for m in payload.metrics if m.name == BD_SEQ and isinstance(m.raw, int | float)), None
        )
        node.seq = payload.seq
        if payload.seq != 0:
            self.counters["birth_seq_not_0"] += 1
        self._birth(at, node, payload, out)
        self.counters["nbirth"] += 1

    def _node_death(self, at: Address, node: _Node, payload: Decoded, out: Outcome) -> None:
        said = next((m.raw for m in payload.metrics if m.name == BD_SEQ), None)
        if node.born and node.bd_seq is not None and said != node.bd_seq:
            self.counters["death_of_older_session"] += 1
            return
        out.died = [
            fill(self._pattern, {"group": at.group, "node": at.node, "device": d}) for d in {"", *node.names}
        ]
        node.born, node.seq = False, None
        node.names.clear()
        self.counters["ndeath"] += 1

    def _birth(self, at: Address, node: _Node, payload: Decoded, out: Outcome) -> None:
        held = sum(len(n.types) for d, n in node.names.items() if d != at.device)
        if held + len(payload.metrics) > self._max_names:
            raise PayloadError("too_many_names")
        names = node.names[at.device] = _Names()
        for metric in payload.metrics:
            if metric.name is None:
                self.counters["birth_without_name"] += 1
                continue
            names.types[metric.name] = metric.datatype
            if metric.alias is not None:
                names.by_alias[metric.alias] = metric.name
        out.born.append(self.key(at))
        self._samples(at, names, payload, out)

    # -- data --------------------------------------------------------------------------------------

    def _in_sequence(self, at: Address, node: _Node, payload: Decoded, now_ms: int, out: Outcome) -> None:
        if payload.seq is None:
            self.counters["seq_missing"] += 1
            return
        expected = None if node.seq is None else (node.seq + 1) % 256
        node.seq = payload.seq % 256
        if expected is not None and payload.seq != expected:
            self.counters["seq_gap"] += 1
            self._ask(at, node, now_ms, out)

    def _data(self, at: Address, node: _Node, payload: Decoded, now_ms: int, out: Outcome) -> None:
        names = node.names.get(at.device)
        if names is None:
            self.counters["before_birth"] += 1
            self._ask(at, node, now_ms, out)
            names = _Names()
        if self._samples(at, names, payload, out):
            self._ask(at, node, now_ms, out)

    def _samples(self, at: Address, names: _Names, payload: Decoded, out: Outcome) -> int:
        """Samples of a payload; returns how many metrics came by an alias nobody knows."""
        key = self.key(at)
        strangers = 0
        for metric in payload.metrics:
            name = metric.name
            if name is None:
                name = names.by_alias.get(metric.alias) if metric.alias is not None else None
                if name is None:
                    strangers += 1
                    self.counters["unknown_alias"] += 1
                    continue
            if name == BD_SEQ or name.startswith(_CONTROL):
                continue
            if not 0 < len(name) <= 200:
                self.counters["bad_name"] += 1
                continue
            self._sample(key, name, names, metric, payload.at_ms, out)
        return strangers

    def _sample(
        self, key: str, name: str, names: _Names, metric: MetricValue, at_ms: int | None, out: Outcome
    ) -> None:
        datatype = metric.datatype if metric.datatype is not None else names.types.get(name)
        value = number(metric.raw, datatype) if metric.usable else None
        if value is None:
            self.counters["not_a_number"] += 1
            return
        when = metric.at_ms if metric.at_ms is not None else at_ms
        out.samples.append(Sample(key, name, when, value, metric.quality, metric.historical))

    def _ask(self, at: Address, node: _Node, now_ms: int, out: Outcome) -> None:
        if node.asked_ms is not None and now_ms - node.asked_ms < REBIRTH_EVERY_MS:
            return
        node.asked_ms = now_ms
        out.rebirth = f"{_PREFIX}/{at.group}/NCMD/{at.node}"
        self.counters["rebirth_asked"] += 1
