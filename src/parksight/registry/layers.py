"""Map layers: GeoJSON FeatureCollections, encoded, compressed and tagged once per change.

Property names are short because the browser holds thousands of features: ``h`` height (m), ``b`` base (m), ``k``
form or kind, ``t`` tone 0..1, ``c`` road class, ``m`` index contour (0/1), ``n`` name; ``id`` and ``code`` lead back
to the record.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.registry import repository
from parksight.registry.kinds import BY_NOUN, Kind

Shorten = Callable[[Any], dict[str, Any]]
_CACHED_LAYERS = 64


@dataclass(frozen=True)
class Layer:
    """A layer over one table, narrowed to some place kinds."""

    name: str
    noun: str
    shorten: Shorten
    place_kinds: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        return BY_NOUN[self.noun]


@dataclass(frozen=True)
class Encoded:
    """A layer ready to be sent."""

    etag: str
    body: bytes
    gzipped: bytes
    features: int


def _base(record: Any) -> dict[str, Any]:
    return {"id": record.id, "code": record.code, "n": record.name}


def _drawn(record: Any) -> dict[str, Any]:
    drawing = record.properties
    short = {
        "id": record.id, "h": drawing.get("height"), "b": drawing.get("base", 0), "k": drawing.get("class"),
        "t": drawing.get("tone"),
    }  # fmt: skip
    if record.enterprise_id is not None:
        short["e"] = record.enterprise_id
    return {key: value for key, value in short.items() if value is not None}


def _ground(record: Any) -> dict[str, Any]:
    return {"id": record.id}


def _named(record: Any) -> dict[str, Any]:
    return {**_base(record), "en": record.name_en, "k": record.kind}


def _road(record: Any) -> dict[str, Any]:
    return {**_base(record), "c": record.properties.get("class", 3)}


def _contour(record: Any) -> dict[str, Any]:
    level = record.properties.get("elevation_m")
    return {"m": int(bool(record.properties.get("major"))), **({} if level is None else {"z": level})}


def _enterprise(record: Any) -> dict[str, Any]:
    return {
        **_base(record), "en": record.name_en, "k": record.industry, "chem": record.chemical, "s": record.status,
    }  # fmt: skip


def _equipment(record: Any) -> dict[str, Any]:
    short = {**_base(record), "k": record.kind, "h": record.height_m, "e": record.enterprise_id}
    return {key: value for key, value in short.items() if value is not None}


def _camera(record: Any) -> dict[str, Any]:
    short = {**_base(record), "k": record.kind, "h": record.height_m, "az": record.azimuth_deg}
    return {key: value for key, value in short.items() if value is not None}


LAYERS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        Layer("boundary", "place", _named, ("boundary",)),
        Layer("zones", "place", _named, ("district", "park", "zone")),
        Layer("roads", "place", _road, ("road",)),
        Layer("rail", "place", _ground, ("rail",)),
        Layer("river", "place", _ground, ("river",)),
        Layer("contours", "place", _contour, ("contour",)),
        Layer("parcels", "place", _named, ("parcel",)),
        Layer("buildings", "place", _drawn, ("building",)),
        Layer("shadows", "place", _ground, ("shadow",)),
        Layer("bunds", "place", _ground, ("bund",)),
        Layer("solar", "place", _drawn, ("solar",)),
        Layer("enterprises", "enterprise", _enterprise),
        Layer("equipment", "equipment", _equipment),
        Layer("cameras", "camera", _camera),
    )
}


def scope_key(caller: Caller) -> tuple[int, ...] | None:
    return None if caller.enterprises is None else tuple(sorted(caller.enterprises))


def revision(session: Session, kind: Kind, places: tuple[str, ...] = ()) -> tuple[int, int]:
    """Number of records and sum of their versions: grows with every change, since records are never deleted."""
    model = kind.model
    statement = select(func.count(), func.coalesce(func.sum(model.version), 0))
    if places:
        statement = statement.where(model.kind.in_(places))
    row = session.execute(statement).one()
    return int(row[0]), int(row[1])


class LayerCache:
    """Encoded layers by name and scope; rebuilt when a record of the layer has changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, tuple[int, ...] | None], tuple[tuple[int, int], Encoded]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    def get(self, session: Session, caller: Caller, name: str) -> Encoded:
        """The layer as this caller may see it.

        Raises:
            ProblemError: 404 for a layer that does not exist.
        """
        layer = LAYERS.get(name)
        if layer is None:
            raise not_found("registry.layer", name)
        caller.require(f"registry.{layer.noun}.read")
        key = (name, scope_key(caller))
        now = revision(session, layer.kind, layer.place_kinds)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] == now:
                self._kept.move_to_end(key)
                return kept[1]
        encoded = encode(session, caller, layer)
        with self._lock:
            self._kept[key] = (now, encoded)
            self._kept.move_to_end(key)
            while len(self._kept) > _CACHED_LAYERS:
                self._kept.popitem(last=False)
        return encoded


def encode(session: Session, caller: Caller, layer: Layer) -> Encoded:
    """Build a layer."""
    parts = list(_features(session, caller, layer))
    body = b'{"type":"FeatureCollection","features":[' + b",".join(parts) + b"]}"
    digest = hashlib.sha256(body).hexdigest()[:32]
    return Encoded(f'"{digest}"', body, gzip.compress(body, compresslevel=6, mtime=0), len(parts))


def _features(session: Session, caller: Caller, layer: Layer) -> Iterator[bytes]:
    model = layer.kind.model
    statement = repository.visible(caller, layer.kind).where(
        model.active.is_(True), model.min_lon.is_not(None)
    )
    if layer.place_kinds:
        statement = statement.where(model.kind.in_(layer.place_kinds))
    for record in repository.stream(session, statement.order_by(model.id)):
        feature = {
            "type": "Feature", "id": record.id, "properties": layer.shorten(record), "geometry": record.geometry,
        }  # fmt: skip
        yield msgspec.json.encode(feature)
