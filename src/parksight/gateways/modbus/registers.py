"""Registers as data: what lies where in a device, from templates, device configuration or plain addresses."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, cast

from pydantic import Field, field_validator, model_validator

from parksight.gateways.modbus.values import WORDS, Order, ValueType
from parksight.gateways.spec import Strict
from parksight.telemetry.quality import Quality

Table = Literal["coil", "discrete", "holding", "input"]
#: Table -> reading function.
FUNCTION: dict[str, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
#: First digit of a traditional address -> table.
_DIGIT: dict[str, Table] = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
_PLAIN = re.compile(
    r"(?:(?P<digit>[0134])(?P<number>\d{4,5})|(?P<table>coil|discrete|holding|input)@(?P<zero>\d{1,5}))"
    r"(?P<bit>\.\d{1,2})?(?::(?P<type>\w+))?(?::(?P<order>[ABCD]{4}))?"
)


def _hex(value: object) -> object:
    return int(value, 16) if isinstance(value, str) and value.lower().startswith("0x") else value


class StatusMap(Strict):
    """Quality of a value from a status register read in the same poll.

    Attributes:
        key: of the status register.
        codes: raw status -> quality word; a status that is not listed gives ``otherwise``.
    """

    key: str
    codes: dict[
        int, Literal["good", "unknown", "suspect", "bad", "substituted", "calibration", "maintenance"]
    ]
    otherwise: Literal["good", "unknown", "suspect", "bad"] = "unknown"

    def quality(self, raw: float) -> int:
        """Quality code of a status value; BAD where the status itself is missing."""
        if raw != raw:
            return int(Quality.BAD)
        return int(Quality[self.codes.get(int(raw), self.otherwise).upper()])


class Register(Strict):
    """One value of a device: ``raw * scale + offset`` in ``unit``.

    Attributes:
        key: address under which mappings name it.
        table: which of the four tables; holding and input registers, coils and discrete inputs.
        address: in the device's numbering (see ``zero_based``).
        order: of the bytes of values longer than one register.
        bit: for ``bool`` in a register.
        no_value: raw values that mean "nothing here", numbers or ``"0x8000"``.
        status: where the quality of this value is told.
        group: poll group; its period is in the device's configuration.
    """

    key: Annotated[str, Field(min_length=1, max_length=200)]
    table: Table = "holding"
    address: Annotated[int, Field(ge=0, le=65_536)]
    type: ValueType = "uint16"
    order: Order = "ABCD"
    bit: Annotated[int, Field(ge=0, le=15)] = 0
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None
    quantity: str | None = None
    kind: str = ""
    name: str = ""
    name_en: str = ""
    group: str = "normal"
    no_value: tuple[int, ...] = ()
    status: StatusMap | None = None

    @field_validator("no_value", mode="before")
    @classmethod
    def _marks(cls, value: object) -> object:
        return [_hex(v) for v in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.table in ("coil", "discrete") and self.type != "bool":
            raise ValueError(f"register {self.key}: coils and discrete inputs are of type bool")
        if self.scale == 0:
            raise ValueError(f"register {self.key}: scale must not be 0")
        return self

    @property
    def words(self) -> int:
        return 1 if self.table in ("coil", "discrete") else WORDS[self.type]

    @property
    def function(self) -> int:
        return FUNCTION[self.table]


def plain_register(address: str) -> Register | None:
    """A register from a mapping address that says all itself, None when it is none.

    ``40001``, ``30013:float32:CDAB``, ``400001.3`` (bit) count from 1 as people do; ``holding@0:int16`` counts
    from 0. The returned address is zero-based.
    """
    found = _PLAIN.fullmatch(address)
    if found is None:
        return None
    if found["digit"] is not None:
        table, number = _DIGIT[found["digit"]], int(found["number"]) - 1
    else:
        table, number = cast(Table, found["table"]), int(found["zero"])
    if not 0 <= number <= 0xFFFF:
        return None
    single = table in ("coil", "discrete") or found["bit"] is not None
    kind = found["type"] or ("bool" if single else "uint16")
    if kind not in WORDS or (single and kind != "bool"):
        return None
    bit = int(found["bit"][1:]) if found["bit"] else 0
    try:
        return Register.model_validate(
            {
                "key": address, "table": table, "address": number, "type": kind,
                "order": found["order"] or "ABCD", "bit": bit,
            }
        )  # fmt: skip
    except ValueError:
        return None
