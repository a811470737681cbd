"""Topics: what may be one (MQTT 5.0, 4.7), and patterns with placeholders that find the device in them."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
MAX_LENGTH = 1024
MAX_LEVELS = 32


class TopicError(ValueError):
    """Not a topic or pattern; ``reason`` is the counter's name."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason


def check_topic(raw: bytes) -> str:
    """A topic name from its bytes as a message bore it.

    Raises:
        TopicError: ``topic_utf8``, ``topic_wildcard``, ``topic_system`` ($SYS and the like), ``topic_control``
            (control characters, NUL), ``topic_long`` or ``topic_empty``.
    """
    if not raw:
        raise TopicError("topic_empty")
    if len(raw) > MAX_LENGTH or raw.count(b"/") >= MAX_LEVELS:
        raise TopicError("topic_long")
    try:
        topic = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TopicError("topic_utf8") from error
    if "+" in topic or "#" in topic:
        raise TopicError("topic_wildcard")
    if topic.startswith("$"):
        raise TopicError("topic_system")
    if any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in topic):
        raise TopicError("topic_control")
    return topic


class TopicPattern:
    """``park/{site}/{node}/data``: matches a topic level by level; the last level may be ``{rest*}``: all others.

    Raises:
        TopicError: the text is no pattern.
    """

    def __init__(self, text: str) -> None:
        levels = text.split("/")
        if not text or len(text) > MAX_LENGTH or len(levels) > MAX_LEVELS:
            raise TopicError("pattern_length", text[:80])
        self.text = text
        self.names: list[str] = []
        filters: list[str] = []
        expression: list[str] = []
        for number, level in enumerate(levels):
            last = number == len(levels) - 1
            if last and level.endswith("*}") and _PLACEHOLDER.fullmatch(level.replace("*}", "}")):
                self.names.append(level[1:-2])
                filters.append("#")
                expression.append("(.+)")
            elif found := _PLACEHOLDER.fullmatch(level):
                self.names.append(found[1])
                filters.append("+")
                expression.append("([^/]+)")
            elif level == "+":
                filters.append("+")
                expression.append("[^/]*")
            elif any(c in level for c in "{}+#"):
                raise TopicError("pattern_level", level[:80])
            else:
                filters.append(level)
                expression.append(re.escape(level))
        if len(set(self.names)) < len(self.names):
            raise TopicError("pattern_twice", text[:80])
        #: What to subscribe to.
        self.filter = "/".join(filters)
        self._match = re.compile("/".join(expression))

    def match(self, topic: str) -> dict[str, str] | None:
        """Placeholder -> its part of the topic, None where the topic does not fit."""
        found = self._match.fullmatch(topic)
        return None if found is None else dict(zip(self.names, found.groups(), strict=True))


def fill(pattern: str, parts: dict[str, str]) -> str:
    """A text with its ``{placeholders}`` filled in; unknown ones stay empty, slashes at the ends go."""
    return _PLACEHOLDER.sub(lambda m: parts.get(m[1], ""), pattern).strip("/")


def placeholders(pattern: str) -> set[str]:
    return set(_PLACEHOLDER.findall(pattern))
