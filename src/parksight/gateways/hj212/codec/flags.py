"""Data flags to quality, per version of the standard: rules as data, because the letters changed meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from parksight.gateways.hj212.codec.commands import Version
from parksight.telemetry.quality import Quality

#: Column 0 of a table: no flag given.
NO_FLAG = 0
#: Entry of a letter that nobody defined: stored as SUSPECT, and noted.
UNDEFINED = 0xFF


@cache
def _rules() -> dict[str, dict[str, str]]:
    content = json.loads(files("parksight.gateways.hj212").joinpath("data/flags.json").read_text("utf-8"))
    rules: dict[str, dict[str, str]] = content["versions"]
    return rules


def flag_table(own: Mapping[str, str] | None = None) -> npt.NDArray[np.uint8]:
    """Quality codes by version and flag character, shape (3, 256).

    A missing flag is UNKNOWN (not N); a letter nobody defined is :data:`UNDEFINED`, read as "not normal".

    Args:
        own: a device's own letters -> name of the quality, over all versions.
    """
    table = np.full((len(Version), 256), UNDEFINED, np.uint8)
    table[:, NO_FLAG] = Quality.UNKNOWN
    for version in Version:
        for letter, name in {**_rules()[version.name], **(own or {})}.items():
            table[version, ord(letter)] = Quality[name.upper()]
    return table
