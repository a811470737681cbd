"""From a raw message to samples: which source of the connection it belongs to, and what that makes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from parksight.gateways.mqtt.config import ConnectionConfig
from parksight.gateways.mqtt.samples import Sample
from parksight.gateways.mqtt.sparkplug.host import SparkplugHost
from parksight.gateways.mqtt.template import PayloadError, Template, TemplateLibrary
from parksight.gateways.mqtt.topics import TopicPattern, fill

_SPARKPLUG = "spBv1.0/"


class RouteError(Exception):
    """The connection cannot be used; ``reason`` is a text key under ``gateways.reason``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason} {detail}")
        self.reason = reason


@dataclass(slots=True)
class Routed:
    """What one message said.

    Attributes:
        device: device key, None where the topic names none.
        samples: its values.
        died, born: device keys known dead or alive by it.
        rebirth: topic of a rebirth command to send.
    """

    device: str | None = None
    samples: list[Sample] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    born: list[str] = field(default_factory=list)
    rebirth: str | None = None


class Router:
    """All sources of a connection.

    Args:
        config: the connection.
        library: templates by name.
        max_topics: Sparkplug nodes remembered.

    Raises:
        RouteError: a template is missing.
    """

    def __init__(self, config: ConnectionConfig, library: TemplateLibrary, max_topics: int) -> None:
        self._topics: list[tuple[TopicPattern, str, Template]] = []
        self.filters: list[str] = []
        self.refused: Counter[str] = Counter()
        for source in config.sources:
            template = source.inline or library.get(source.template or "")
            if template is None:
                raise RouteError("template_missing", source.template or "")
            pattern = TopicPattern(source.topic)
            self._topics.append((pattern, source.device, template))
            self.filters.append(f"$share/{source.share}/{pattern.filter}" if source.share else pattern.filter)
        self.hosts: list[tuple[str, bool, SparkplugHost]] = []
        for group in config.sparkplug:
            self.hosts.append((group.group, group.rebirth, SparkplugHost(group.device, max_topics)))
            self.filters.append(f"{_SPARKPLUG}{group.group}/#")
        self.filters = list(dict.fromkeys(self.filters))

    def route(self, topic: str, payload: bytes, now_ms: int) -> Routed:
        """Read a message.

        Raises:
            PayloadError: it cannot be read, or no source is meant (``no_source``).
        """
        if topic.startswith(_SPARKPLUG):
            return self._sparkplug(topic, payload, now_ms)
        for pattern, device, template in self._topics:
            parts = pattern.match(topic)
            if parts is not None:
                key = fill(device, parts)
                return Routed(key, template.read(payload, key, parts, self.refused))
        raise PayloadError("no_source")

    def device_of(self, topic: str) -> str | None:
        """Device key a topic names, for messages that could not be read."""
        for pattern, device, _ in self._topics:
            parts = pattern.match(topic)
            if parts is not None:
                return fill(device, parts)
        return None

    def _sparkplug(self, topic: str, payload: bytes, now_ms: int) -> Routed:
        group = topic.split("/", 2)[1]
        for wanted, may_ask, host in self.hosts:
            if wanted in ("+", group):
                found = host.message(topic, payload, now_ms)
                key = found.samples[0].device if found.samples else next(iter(found.born + found.died), None)
                return Routed(key, found.samples, found.died, found.born, found.rebirth if may_ask else None)
        raise PayloadError("no_source")

    def counters(self) -> Counter[str]:
        """What the Sparkplug hosts counted, with the prefix ``sparkplug_``."""
        total: Counter[str] = Counter()
        for _, _, host in self.hosts:
            total.update({f"sparkplug_{k}": n for k, n in host.counters.items()})
        return total

    def lost(self) -> None:
        for _, _, host in self.hosts:
            host.lost()
