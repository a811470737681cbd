"""JSON messages by template: where time, values and qualities lie, as data."""

from __future__ import annotations

import json
import math
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
import structlog
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from parksight.gateways.fields import NO_TIME, read_quality, read_time, read_value
from parksight.gateways.mqtt.samples import Sample
from parksight.gateways.mqtt.selector import Selector
from parksight.gateways.mqtt.topics import fill, placeholders
from parksight.gateways.spec import Strict
from parksight.telemetry.quality import Quality

log = structlog.get_logger(__name__)

#: Values one message may carry; further ones are counted, not read.
MAX_SAMPLES = 20_000
_SCALE = {"ms": 1.0, "s": 1000.0, "us": 0.001}

TimeFormat = Literal["ms", "s", "us", "iso8601", "arrival"]
Word = Literal["good", "unknown", "suspect", "bad", "substituted", "calibration", "maintenance"]


class PayloadError(ValueError):
    """A message that cannot be read; ``reason`` is the counter's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TimeAt(Strict):
    """Where the time is; ``arrival`` takes the time of arrival, for devices without a clock."""

    path: str = "$"
    format: TimeFormat = "ms"


class QualityAt(Strict):
    """Where the quality is and what its words or numbers mean; what is not listed is ``otherwise``."""

    path: str
    codes: dict[str, Word] = Field(default_factory=dict)
    otherwise: Word = "unknown"


class Reading(Strict):
    """One rule: which values, under which address.

    Attributes:
        each: path to the things that hold one value each; ``$`` for a single one. ``{key}`` in ``address`` is
            the key (or number) of the thing.
        address: mapping address, with placeholders of the topic, ``{key}`` and the members in ``parts``.
        parts: placeholder -> path inside the thing.
        value: path inside the thing.
        time: instead of the message's; inside the thing.
        quality: instead of the message's; inside the thing.
    """

    address: Annotated[str, Field(min_length=1, max_length=200)]
    each: str = "$"
    value: str = "$"
    parts: dict[str, str] = Field(default_factory=dict)
    time: TimeAt | None = None
    quality: QualityAt | None = None


class Template(Strict):
    """How to read the JSON messages of one kind of gateway.

    Attributes:
        time: of the whole message.
        historical: path to a member that is true on messages sent late on purpose.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
    title: str
    title_en: str
    description: str = ""
    description_en: str = ""
    time: TimeAt = TimeAt()
    quality: QualityAt | None = None
    historical: str | None = None
    readings: Annotated[tuple[Reading, ...], Field(min_length=1, max_length=500)]
    _paths: dict[str, Selector] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _parse(self) -> Self:
        for text in self._texts():
            self._paths[text] = Selector(text)
        for reading in self.readings:
            if placeholders(reading.address) & reading.parts.keys() != reading.parts.keys():
                raise ValueError(f"address {reading.address!r} does not use all of its parts")
        return self

    def _texts(self) -> set[str]:
        texts = {self.time.path} | ({self.historical} if self.historical else set())
        texts |= {self.quality.path} if self.quality else set()
        for reading in self.readings:
            texts |= {reading.each, reading.value, *reading.parts.values()}
            texts |= {reading.time.path} if reading.time else set()
            texts |= {reading.quality.path} if reading.quality else set()
        return texts

    def read(self, payload: bytes, device: str, parts: dict[str, str], refused: Counter[str]) -> list[Sample]:
        """The samples of a message; values that cannot be read are counted in ``refused``.

        Args:
            payload: the message body.
            device: key of the device it is from.
            parts: placeholders of the topic.
            refused: counter of reasons.

        Raises:
            PayloadError: ``not_json``, ``too_many_values`` or ``no_values``.
        """
        document = decode_json(payload)
        paths = self._paths
        historical = bool(self.historical and paths[self.historical].first(document) is True)
        message_time = self._time(self.time, document)
        message_quality = self._quality(self.quality, document)
        out: list[Sample] = []
        seen = 0
        for reading in self.readings:
            value_at = paths[reading.value]
            for key, thing in paths[reading.each].each(document):
                seen += 1
                if seen > MAX_SAMPLES:
                    raise PayloadError("too_many_values")
                address = self._address(reading, key, thing, parts)
                value = _number(value_at.first(thing))
                at = self._time(reading.time, thing) if reading.time else message_time
                if not address or len(address) > 200:
                    refused["bad_address"] += 1
                elif value is None:
                    refused["bad_value"] += 1
                elif at is _BAD:
                    refused["bad_time"] += 1
                else:
                    quality = self._quality(reading.quality, thing) if reading.quality else message_quality
                    assert at is None or isinstance(at, int)
                    out.append(Sample(device, address, at, value, quality, historical))
        if not seen:
            raise PayloadError("no_values")
        return out

    def _address(self, reading: Reading, key: str, thing: object, parts: dict[str, str]) -> str:
        if "{" not in reading.address:
            return reading.address
        own = {n: self._paths[p].first(thing) for n, p in reading.parts.items()}
        texts = {n: str(v) for n, v in own.items() if isinstance(v, str | int) and not isinstance(v, bool)}
        if texts.keys() != own.keys():
            return ""
        return fill(reading.address, {**parts, "key": key, **texts})

    def _time(self, where: TimeAt, thing: object) -> object:
        """Ms since the epoch, None for "time of arrival", :data:`_BAD` for nonsense or a missing time."""
        if where.format == "arrival":
            return None
        raw = self._paths[where.path].first(thing)
        if where.format == "iso8601":
            return _checked(read_time(raw)) if isinstance(raw, str) else _BAD
        if isinstance(raw, str):
            try:
                raw = float(raw)
            except ValueError:
                return _BAD
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
            return _BAD
        return _checked(read_time(raw * _SCALE[where.format]))

    def _quality(self, where: QualityAt | None, thing: object) -> int:
        if where is None:
            return int(Quality.UNKNOWN)
        raw = self._paths[where.path].first(thing)
        key = str(raw).lower() if isinstance(raw, bool) else str(raw)
        if key in where.codes:
            return int(Quality[where.codes[key].upper()])
        if not where.codes and (known := read_quality(raw)) is not None:
            return known
        return int(Quality[where.otherwise.upper()])


_BAD = object()


def _checked(at: int | None) -> object:
    return _BAD if at is None or at == NO_TIME else at


def _number(raw: object) -> float | None:
    """A number or a switch; null is "no value"; a text only where it is a number."""
    if isinstance(raw, str) and raw.strip().lower() in ("nan", "inf", "-inf", "infinity", "-infinity"):
        return float("nan")
    return read_value(raw)


def decode_json(payload: bytes) -> Any:
    """A JSON document.

    Raises:
        PayloadError: ``not_json``: not JSON, not UTF-8 or nested beyond reason.
    """
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise PayloadError("not_json") from error


class TemplateLibrary:
    """All templates by name.

    Args:
        folder: templates of the installation; one with the name of a shipped template replaces it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._templates: dict[str, Template] = {}
        #: File name -> what is wrong with it; such a file is left out.
        self.broken: dict[str, str] = {}
        shipped = files("parksight.gateways.mqtt") / "templates"
        for entry in sorted(shipped.iterdir(), key=lambda e: e.name):
            if entry.name.endswith(".json"):
                self._add(entry.name, entry.read_text("utf-8"))
        if folder is not None and folder.is_dir():
            for path in sorted(folder.glob("*.json")):
                self._add(path.name, path.read_text("utf-8", errors="replace"))

    def _add(self, name: str, text: str) -> None:
        try:
            template = Template.model_validate(json.loads(text))
        except (ValidationError, ValueError) as error:
            self.broken[name] = str(error)
            log.warning("mqtt_template_broken", file=name, error=str(error))
            return
        self._templates[template.name] = template

    def get(self, name: str) -> Template | None:
        return self._templates.get(name)

    def all(self) -> list[Template]:
        return [self._templates[n] for n in sorted(self._templates)]
