"""Writes what the zone would import to files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from parkzone import payloads, rulebook
from parkzone.addresses import Endpoints
from parkzone.geometry import layers
from parkzone.park import make_park


def write(folder: Path, seed: int) -> Iterator[tuple[str, int]]:
    """Write all files; yields name and size of each."""
    park = make_park(seed)
    folder.mkdir(parents=True, exist_ok=True)
    endpoints = Endpoints(tuple(8630 + i for i in range(len(park.lines))), 8620)
    files = [(name, data) for _, name, data in payloads.registry_files(park)]
    files.append(("labels.geojson", payloads.encode(layers.collection(layers.labels(park.plan)))))
    files.append(("points.csv", payloads.points_csv(park)))
    files.append(("devices.json", payloads.encode(payloads.devices(park, endpoints))))
    rules = payloads.alarm_rules(park) + rulebook.rules(park)
    files.append(("alarm-rules.json", payloads.encode(rules)))
    files.append(("linkages.json", payloads.encode(rulebook.linkages())))
    for name, data in files:
        (folder / name).write_bytes(data)
        yield name, len(data)
