"""Device templates: one JSON file each, shipped with the product or added by the installation."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

import structlog
from pydantic import Field, ValidationError, model_validator

from parksight.gateways.modbus.registers import Register
from parksight.gateways.spec import Strict

log = structlog.get_logger(__name__)


class Template(Strict):
    """What lies where in one type of device.

    Attributes:
        zero_based: whether ``address`` counts from 0 (as on the wire) or from 1 (as makers often print).
        periods: poll group -> seconds between two polls.
        max_block: registers the device gives in one reply.
        max_gap: unused registers worth reading along to save a request.
        source: where the layout is from.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
    title: str
    title_en: str
    description: str = ""
    description_en: str = ""
    source: str = ""
    zero_based: bool = True
    periods: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=lambda: {"normal": 15.0})
    max_block: Annotated[int, Field(ge=1, le=125)] = 125
    max_gap: Annotated[int, Field(ge=0, le=124)] = 8
    registers: tuple[Register, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_registers(self.registers, self.zero_based, self.periods)
        return self


def check_registers(rows: tuple[Register, ...], zero_based: bool, periods: dict[str, float]) -> None:
    """Refuse doubled keys, addresses outside the table, unknown groups and status registers.

    Raises:
        ValueError: naming the register.
    """
    keys = [r.key for r in rows]
    for row in rows:
        first = row.address - (0 if zero_based else 1)
        if keys.count(row.key) > 1:
            raise ValueError(f"register {row.key} appears twice")
        if first < 0 or first + row.words > 0x10000:
            raise ValueError(f"register {row.key}: address {row.address} is outside the table")
        if row.group not in periods:
            raise ValueError(f"register {row.key}: group {row.group!r} has no period")
        if row.status is not None and row.status.key not in keys:
            raise ValueError(f"register {row.key}: status register {row.status.key!r} is not defined")


class TemplateLibrary:
    """All templates by name.

    Args:
        folder: templates of the installation; one with the name of a shipped template replaces it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._templates: dict[str, Template] = {}
        #: File name -> what is wrong with it; such a file is left out.
        self.broken: dict[str, str] = {}
        shipped = files("parksight.gateways.modbus") / "templates"
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
            log.warning("modbus_template_broken", file=name, error=str(error))
            return
        self._templates[template.name] = template

    def get(self, name: str) -> Template | None:
        return self._templates.get(name)

    def all(self) -> list[Template]:
        return [self._templates[n] for n in sorted(self._templates)]
