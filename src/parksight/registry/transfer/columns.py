"""Which table column says which field, and how a cell becomes a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

import msgspec

from parksight.registry import geometry, labels
from parksight.registry.kinds import Kind
from parksight.registry.transfer.readers import FileProblem

#: Short names of drawing properties in GeoJSON (as the map uses them) -> names in ``properties``.
DRAWING = {"h": "height", "b": "base", "k": "class", "c": "class", "t": "tone", "m": "major", "n": "name"}
_YES = frozenset({"1", "true", "yes", "y", "是", "有"})
_NO = frozenset({"0", "false", "no", "n", "否", "无"})


@dataclass(frozen=True)
class CellProblem(Exception):  # noqa: N818
    """One cell is wrong: translation key, column and values for the text."""

    reason: str
    column: str
    params: dict[str, Any]


def names(kind: Kind) -> tuple[str, ...]:
    """Columns of a kind's table, in the order of exports and templates."""
    by_field = {r.field: r.column for r in kind.references}
    columns = [by_field.get(f, f) for f in kind.fields if f not in ("geometry", "properties")]
    if kind.point_only:
        columns += ["longitude", "latitude"]
    elif kind.located:
        columns += ["geometry"]
    return (*columns, "properties")


def importable(kind: Kind) -> tuple[str, ...]:
    """Columns an import understands: those of exports, and both ways to say a position."""
    extra = ("longitude", "latitude", "geometry") if kind.located else ()
    return tuple(dict.fromkeys((*names(kind), *extra)))


def mapping(kind: Kind, headings: tuple[str, ...]) -> dict[str, str]:
    """Heading -> column name or ``properties.x``.

    Raises:
        FileProblem: a heading that is none of them, with the nearest known one; no ``code`` column.
    """
    known = importable(kind)
    aliases = labels.column_aliases(known)
    found: dict[str, str] = {}
    for heading in headings:
        name = aliases.get(heading.casefold())
        if name is None and heading.startswith("properties.") and len(heading) <= 64:
            name = heading
        if name is None:
            if not heading:
                continue
            near = get_close_matches(heading.casefold(), list(aliases), n=1)
            hint = near[0] if near else ", ".join(known)
            raise FileProblem("column_unknown", column=heading[:60], hint=hint)
        if name in found.values():
            raise FileProblem("column_twice", column=heading[:60])
        found[heading] = name
    if "code" not in found.values():
        raise FileProblem("no_code_column", columns=", ".join(headings)[:120])
    return found


def table_row(kind: Kind, cells: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Stated fields of a CSV or XLSX row; an empty cell states nothing.

    Raises:
        CellProblem: a value that cannot be what the column says.
    """
    if "" in cells:
        raise CellProblem("registry.import.value_without_column", "", {"value": str(cells[""])[:40]})
    stated: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for heading, raw in cells.items():
        value = raw.strip() if isinstance(raw, str) else raw
        if value is None or value == "":
            continue
        name = columns[heading]
        if name == "properties":
            properties |= _object(name, value)
        elif name.startswith("properties."):
            properties[name.removeprefix("properties.")] = _scalar(value)
        else:
            stated[name] = _value(name, value)
    if properties:
        stated["properties"] = properties
    _position(stated)
    return stated


def feature_row(kind: Kind, cells: Mapping[str, Any]) -> dict[str, Any]:
    """Stated fields of a GeoJSON feature; properties that are no field are kept in ``properties``."""
    if "" in cells:
        raise CellProblem("registry.import.feature_broken", "", {"detail": str(cells[""])})
    known = frozenset(importable(kind))
    stated: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for key, value in cells.items():
        name = key if key in known else DRAWING.get(key, key)
        if name == "properties" and isinstance(value, dict):
            properties |= value
        elif name in known and name != "properties":
            stated[name] = value if name == "geometry" or value is None else _value(name, value)
        else:
            properties[name] = value
    if properties:
        stated["properties"] = properties
    if stated.get("geometry") is not None:
        stated.pop("longitude", None)
        stated.pop("latitude", None)
    _position(stated)
    return stated


def _value(name: str, value: Any) -> Any:
    if name == "chemical":
        return _boolean(name, value)
    if name in ("height_m", "azimuth_deg", "longitude", "latitude"):
        return _number(name, value)
    if name == "geometry":
        try:
            return geometry.from_text(str(value))
        except geometry.GeometryError as error:
            raise CellProblem(error.reason, name, error.params) from None
    if name in ("valid_from", "valid_to"):
        return (
            value.date() if isinstance(value, datetime) else value if isinstance(value, date) else str(value)
        )
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))  # spreadsheets turn the code 0017 into 17.0; 17 at least is what people saw
    return str(value)


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise CellProblem("registry.import.not_yes_no", name, {"value": str(value)[:40]})


def _number(name: str, value: Any) -> float:
    try:
        number = float(str(value).replace("，", ",") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        raise CellProblem("registry.import.not_number", name, {"value": str(value)[:40]}) from None
    if not math.isfinite(number):
        raise CellProblem("registry.import.not_number", name, {"value": str(value)[:40]})
    return number


def _object(name: str, value: Any) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(str(value).encode("utf-8", "strict"))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise CellProblem("registry.import.not_object", name, {"value": str(value)[:40]})
    return decoded


def _scalar(value: Any) -> Any:
    """Number, yes/no or text of a ``properties.x`` cell; text that only looks like a number code stays text."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return text
    leading_zero = len(text) > 1 and text[0] == "0" and text[1] not in ".eE"
    if leading_zero or not math.isfinite(number) or "_" in text:
        return text
    return int(text) if text.lstrip("+-").isdigit() and text.isascii() else number


def _position(stated: dict[str, Any]) -> None:
    longitude, latitude = stated.pop("longitude", None), stated.pop("latitude", None)
    if longitude is None and latitude is None:
        return
    if longitude is None or latitude is None:
        missing = "longitude" if longitude is None else "latitude"
        raise CellProblem("registry.import.half_position", missing, {})
    if "geometry" in stated:
        raise CellProblem("registry.import.two_positions", "geometry", {})
    stated["geometry"] = geometry.point(longitude, latitude)
