"""What a field most likely means: suggestions for onboarding from the standard's factor tables.

Units are suggestions too: the tables print ng/m³ for PM and NH3 and m³/s for flow where stations send other
units, so the unit of such points is left open and must be confirmed at commissioning.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from parksight.gateways.hj212.batch.tables import split_address
from parksight.gateways.spec import Proposal


@dataclass(frozen=True, slots=True)
class Factor:
    """A row of the factor tables.

    Attributes:
        unit: symbol of ``telemetry.units``, None where the table's unit is doubtful or unknown to us.
        legacy: its code of 2005, None where it had none.
    """

    code: str
    medium: str
    name: str
    name_en: str
    quantity: str | None
    unit: str | None
    emission_unit: str | None
    legacy: str | None


@dataclass(frozen=True, slots=True)
class _Kind:
    zh: str
    en: str
    tag: str = ""


_KINDS = {
    "Rtd": _Kind("", ""),
    "Data": _Kind("", ""),
    "Min": _Kind("最小值", "minimum", "minimum"),
    "Avg": _Kind("均值", "mean", "mean"),
    "Max": _Kind("最大值", "maximum", "maximum"),
    "ZsRtd": _Kind("折算值", "converted", "converted"),
    "ZsMin": _Kind("折算最小值", "converted minimum", "converted.minimum"),
    "ZsAvg": _Kind("折算均值", "converted mean", "converted.mean"),
    "ZsMax": _Kind("折算最大值", "converted maximum", "converted.maximum"),
    "Cou": _Kind("累计", "total", "total"),
    "DayData": _Kind("昼间", "daytime", "day"),
    "NightData": _Kind("夜间", "night", "night"),
}
_PERIODS = {
    0: ("", ""), 2061: ("小时", "hourly "), 2031: ("日", "daily "), 2041: ("日运行", "daily running "),
}  # fmt: skip
#: Printed unit -> (quantity, unit) of ``telemetry.units``.
_UNITS: dict[str, tuple[str, str | None]] = {
    "毫克/立方米": ("concentration", "mg/m3"),
    # Printed for PM and NH3, while stations send µg/m³ or mg/m³: a person must say which.
    "纳克/立方米": ("concentration", None),
    "毫克/升": ("concentration.water", "mg/L"),
    "微克/升": ("concentration.water", "ug/L"),
    "纳克/升": ("concentration.water", None),
    "摄氏度": ("temperature", "degC"),
    "千帕": ("pressure", "kPa"),
    "帕": ("pressure", "Pa"),
    "米/秒": ("speed", "m/s"),
    "分贝": ("sound", "dB(A)"),
    "升/秒": ("flow", "L/s"),
    # Flue gas goes as m³/s or m³/h.
    "立方米/秒": ("flow", None),
    "立方米/小时": ("flow", "m3/h"),
    "微西[门子]/厘米": ("conductivity", "uS/cm"),
    "%": ("ratio", "%"),
    "安 [培]": ("current", "A"),
    "毫伏[特]": ("voltage", "mV"),
    "[角]度": ("direction", "deg"),
    "米": ("level", "m"),
    "千克": ("mass", "kg"),
    "转/分钟": ("rotation", "1/min"),
}
_TOTALS = {"千克": ("mass", "kg"), "克": ("mass", "g"), "毫克": ("mass", "mg"), "立方米": ("volume", "m3")}
#: Factors whose quantity is narrower than their unit tells.
_QUANTITIES = {
    "w01001": ("ph", "pH"), "a01002": ("humidity", "%"), "a01014": ("humidity", "%"),
    "a01006": ("pressure.absolute", "kPa"), "a01010": ("blackness", "Ringelmann"),
    "a19001": ("ratio", "%"),
}  # fmt: skip
#: Sensible defaults of point classes by medium.
_CLASSES = {"water": "emission.water", "air": "emission.air", "noise": "noise"}
_PLACEHOLDER = re.compile(r"^([eg]\d{3})xx$")
_INFORMATION = {
    "i12001": ("仪表工作状态", "instrument state"), "i13001": ("测量量程", "measuring range"),
    "i13002": ("测量精度", "precision"), "i13003": ("测量间隔", "measuring interval"),
    "i13004": ("消解温度", "digestion temperature"), "i13005": ("消解时长", "digestion time"),
    "i13006": ("校准时间", "calibration time"), "i13007": ("截距", "intercept"), "i13008": ("斜率", "slope"),
    "i13009": ("测量检出限", "detection limit"), "i22001": ("数采仪工作状态", "logger state"),
    "i22101": ("通道状态", "channel state"), "i32001": ("门禁状态", "door state"),
}  # fmt: skip


@cache
def factors() -> dict[str, Factor]:
    """Factors by code; process factors under their four-character stem (``g123``)."""
    folder = files("parksight.gateways.hj212").joinpath("data")
    rows = json.loads(folder.joinpath("codes.json").read_text("utf-8"))["factors"]
    english = json.loads(folder.joinpath("names_en.json").read_text("utf-8"))["names"]
    out: dict[str, Factor] = {}
    doubtful: set[str] = set()
    for row in rows:
        stem = _PLACEHOLDER.match(row["code"])
        code = stem.group(1) if stem else row["code"]
        if code in out:
            # The standard prints it twice with different meanings: nobody can tell.
            doubtful.add(code)
            continue
        quantity, unit = _QUANTITIES.get(code) or _UNITS.get(row["unit"] or "") or (None, None)
        out[code] = Factor(
            code, row["medium"], row["name"], english.get(code, row["name"]), quantity, unit,
            row.get("emission_unit"), row.get("legacy"),
        )  # fmt: skip
    return {code: factor for code, factor in out.items() if code not in doubtful}


@cache
def legacy() -> dict[str, tuple[Factor, ...]]:
    """Factors by their code of 2005; a code may stand for a water and an air factor."""
    out: dict[str, tuple[Factor, ...]] = {}
    for factor in factors().values():
        if factor.legacy:
            out[factor.legacy] = (*out.get(factor.legacy, ()), factor)
    return out


def factor_of(code: str) -> Factor | None:
    """The factor of a code of any version; None when unknown or ambiguous (then the raw code stays)."""
    found = factors().get(code) or factors().get(code[:4] if code[:1] in ("e", "g") else "")
    if found is not None:
        return found
    old = legacy().get(code, ())
    return old[0] if len(old) == 1 else None


def propose(address: str, sample: str) -> Proposal:
    """A point for one field of an unknown device."""
    cn, name = split_address(address)
    code, _, kind = name.rpartition("-")
    factor, word = factor_of(code), _KINDS.get(kind)
    if code in _INFORMATION and kind == "Info":
        zh, en = _INFORMATION[code]
        return Proposal(address, zh, en, "state" if code[1] != "1" or code == "i12001" else None, None,
                        "instrument", sample)  # fmt: skip
    if kind in ("RS", "RT") and code.startswith("SB"):
        running = kind == "RS"
        return Proposal(
            address, f"治理设施 {code[2:]} {'运行状态' if running else '运行时间'}",
            f"Treatment device {code[2:]} {'state' if running else 'running time'}",
            "state" if running else "duration", "state" if running else "h", "treatment", sample,
        )  # fmt: skip
    if factor is None or word is None:
        return Proposal(address, address, address, None, None, sample=sample)
    period_zh, period_en = _PERIODS.get(cn, (f"{cn} ", f"{cn} "))
    quantity, unit = factor.quantity, factor.unit
    if kind == "Cou":
        quantity, unit = _TOTALS.get(factor.emission_unit or "", (None, None))
    tag = ".".join(t for t in (_CLASSES.get(factor.medium, "process"), word.tag) if t)
    return Proposal(
        address,
        f"{factor.name}{period_zh}{word.zh}",
        f"{factor.name_en} {period_en}{word.en}".strip(),
        quantity,
        unit,
        tag,
        sample,
    )
