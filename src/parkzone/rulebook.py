"""What the zone's plants would have rationalised: rules of every kind with cause, consequence and response, and linkages.

Limits are parameters of the demo zone; the standards they are modelled on are named with each. In the calm zone none of
these speaks; the scenarios make them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from parkzone.catalogue.specs import Point
from parkzone.park import Park

Rule = dict[str, Any]
#: Voters of one two-out-of-N rule at most; the platform takes fifteen.
VOTERS = 12
#: Feeders whose phases are compared: the largest by load.
FEEDERS = 20
GAS_CARD = (
    (
        "1. 上风向撤离，禁止动火、禁止启停非防爆电器。\n2. 双人佩戴空气呼吸器持便携仪复核。\n3. 确认泄漏：切断进料，启动现场处置方案，"
        "通知下风向单位。\n4. 误报：注明原因并报修探测器。"
    ),
    (
        "1. Withdraw upwind; no hot work, no switching of unprotected equipment.\n2. Two people in breathing apparatus "
        "verify with a portable meter.\n3. If it is a leak: isolate the feed, start the response plan, warn units downwind."
        "\n4. If it is not: record the cause and have the detector repaired."
    ),
)


def rules(park: Park) -> list[Rule]:
    """Spelled-out rules, in stable order; codes start with ``RB.``."""
    points = park.catalogue.points
    return [
        *_tank_levels(), *_gas_votes(points), *_gas_counts(points), *_legal_averages(points), *_phases(points),
        *_flat_monitors(), *_suspect_monitors(), *_tank_pressures(), *_storm(), *_treatment(points), *_drifts(points),
    ]  # fmt: skip


def linkages() -> list[dict[str, Any]]:
    """Reactions the zone has declared; nothing here touches a plant."""
    camera = {"kind": "camera", "radius_m": 3000}
    return [
        _linkage("LK.GAS", "气体泄漏联动", "Gas leak", {"kinds": ["gas"], "priorities": [1, 2]}, [
            {"kind": "open_case"}, {"kind": "notify", "posts": ["DUTY_OPERATOR"], "text": "气体报警，请立即核实"}, camera,
            {"kind": "adjacent", "limit": 20}, {"kind": "wind"}, {"kind": "nearby", "what": "people", "radius_m": 300},
            {"kind": "nearby", "what": "permits", "radius_m": 300}, {"kind": "card", "text": GAS_CARD[0]},
            {"kind": "plan", "code": "EP-HAZCHEM-LEAK", "title": "危险化学品泄漏专项应急预案"},
        ]),
        _linkage("LK.TANK", "储罐超限联动", "Tank beyond its limits", {"kinds": ["tank"], "priorities": [1, 2]}, [
            {"kind": "open_case"}, camera, {"kind": "adjacent", "limit": 20}, {"kind": "card"},
        ]),
        _linkage("LK.STACK", "排放超标联动", "Emission beyond its limit", {"kinds": ["emission"], "priorities": [1, 2]}, [
            {"kind": "open_case"}, {"kind": "wind"}, {"kind": "adjacent", "limit": 12},
        ]),
    ]  # fmt: skip


def _linkage(
    code: str, name: str, name_en: str, match: dict[str, Any], actions: list[dict[str, Any]]
) -> dict[str, Any]:
    definition = {"match": match, "actions": actions}
    return {"code": code, "name": name, "name_en": name_en, "definition": definition}


def _rule(
    code: str, names: tuple[str, str], target: dict[str, Any], signal: dict[str, Any] | None, steps: dict[str, Any],
    why: dict[str, Any], *, basis: str = "演示参数", **more: Any,
) -> Rule:  # fmt: skip
    definition = {**steps, **({} if signal is None else {"signal": signal})}
    rationale = {"decided_by": "演示园区报警合理化小组", "decided_basis": "HAZOP（演示）", **why}
    return {
        "code": f"RB.{code}", "name": names[0], "name_en": names[1], "target": target, "definition": definition,
        "rationale": rationale, "basis": basis, **more,
    }  # fmt: skip


def _point(code: str) -> dict[str, Any]:
    return {"kind": "point", "point": code}


def _of(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": "class", "point_kind": kind, **more}


def _why(
    consequence: str, within: str, zh: str, en: str, response: tuple[str, str], *causes: str
) -> dict[str, Any]:
    return {
        "consequence": consequence, "respond_within": within, "consequence_text": zh, "consequence_text_en": en,
        "response": response[0], "response_en": response[1], "causes": list(causes),
    }  # fmt: skip


def _tank_levels() -> Iterator[Rule]:
    """A level that falls faster than any pump empties a tank."""
    yield _rule(
        "TANK.LOSS", ("液位异常下降", "Level falls too fast"), _of("tank.level"),
        {"kind": "rate", "window_s": 600, "per_s": 60}, {"l": {"limit": -0.05, "deadband": 0.01, "on_delay_s": 60}},
        _why("severe", "prompt", "储罐可能泄漏或误开外送阀", "The tank may be leaking, or a valve was opened by mistake",
             ("核对外送作业；现场检查罐体、法兰与围堰", "Check transfers; inspect shell, flanges and bund"),
             "泄漏", "误开阀门", "液位计故障"),
    )  # fmt: skip


def _gas_votes(points: Sequence[Point]) -> Iterator[Rule]:
    """Two detectors of one farm at the lower step: that is a cloud, not a sensor."""
    farms: dict[str, list[Point]] = defaultdict(list)
    for p in points:
        if p.kind == "gas.combustible" and p.equipment.unit and p.equipment.unit.endswith(".U3"):
            farms[p.equipment.unit].append(p)
    for unit, found in farms.items():
        if len(found) < 3:
            continue
        voters = [f"[{p.code}] > 25" for p in found[:VOTERS]]
        yield _rule(
            f"CLOUD.{unit}", ("罐区可燃气云（2oo3 表决）", "Combustible cloud in the tank farm (voting)"), _point(found[0].code),
            {"kind": "vote", "least": 2, "voters": voters, "bad": "degrades"}, {"on": {"off_delay_s": 60}},
            _why("severe", "immediate", "可燃气云可能被点燃", "A combustible cloud may ignite", GAS_CARD, "泄漏", "装卸溢散"),
            basis="GB/T 50493-2019 (演示参数)", standard="GB/T 50493-2019", never_delay="gas", latching=True,
            post="DUTY_OPERATOR",
        )  # fmt: skip


def _gas_counts(points: Sequence[Point]) -> Iterator[Rule]:
    """Small releases that come again and again: what happens before the large one."""
    for p in points:
        if p.kind in ("gas.h2s", "gas.cl2") and p.limits and p.limits.high:
            half = p.limits.high / 2
            yield _rule(
                f"AGAIN.{p.code}", ("反复微量泄漏", "Small releases again and again"), _point(p.code),
                {"kind": "count", "when": f"self > {half:g}", "least": 3, "window_s": 14_400}, {"on": {}},
                _why("major", "soon", "密封持续劣化", "A seal is wearing out",
                     ("安排检漏并登记隐患", "Search for the leak and register a hidden danger"), "密封劣化", "取样操作"),
            )  # fmt: skip


def _legal_averages(points: Sequence[Point]) -> Iterator[Rule]:
    """Stacks are judged by the hourly mean, outfalls by the daily one; the momentary value is only a warning."""
    for p in points:
        if p.limits is None or p.limits.high is None or p.limits.low is not None:
            continue
        period = {"emission.stack": "1h", "emission.outfall": "24h"}.get(p.kind)
        if period is None:
            continue
        word = {
            "1h": ("小时均值超标", "Hourly mean over the limit"),
            "24h": ("日均值超标", "Daily mean over the limit"),
        }
        yield _rule(
            f"MEAN.{p.code}", word[period], _point(p.code), {"kind": "average", "period": period},
            {"h": {"limit": p.limits.high}},
            _why("moderate", "soon", "超标排放", "Emission beyond the permit",
                 ("核对数据有效性与治理设施工况；属实则填报并整改", "Check validity and the treatment plant; report and mend if real"),
                 "治理设施故障", "工况波动", "校准"),
            basis=p.limits.source,
        )  # fmt: skip


def _phases(points: Sequence[Point]) -> Iterator[Rule]:
    """One phase against the mean of the three (GB/T 15543-2008: 2 % at the point of common coupling)."""
    phase = {p.code for p in points if p.kind == "energy.voltage"}
    loads = [p for p in points if p.kind == "energy.active_power" and p.enterprise is not None]
    loads.sort(key=lambda p: (-(p.enterprise.load_mw if p.enterprise else 0.0), p.code))
    for p in loads[:FEEDERS]:
        meter = p.equipment.code
        codes = [f"{meter}.{name}" for name in ("UA", "UB", "UC")]
        if not phase.issuperset(codes):
            continue
        mean = "avg(" + ", ".join(f"[{c}]" for c in codes) + ")"
        yield _rule(
            f"PHASE.{meter}", ("三相电压不平衡", "Voltage unbalance"), _point(codes[0]),
            {"kind": "deviation", "other": mean, "relative": True}, {"h": {"limit": 2.0, "deadband": 0.2, "on_delay_s": 120}},
            _why("minor", "later", "电机过热、保护误动", "Motors overheat, protection may trip",
                 ("核查单相大负荷与 PT 回路", "Look for single-phase loads and at the voltage transformer"), "单相负荷", "PT 断线"),
            basis="GB/T 15543-2008 (演示参数)", standard="GB/T 15543-2008",
        )  # fmt: skip


def _flat_monitors() -> Iterator[Rule]:
    """A stack that never moves is not measured."""
    for kind, zh, en in (("emission.stack", "在线监测数据不变", "The monitor does not move"), ("gas.voc", "探测器读数不变", "The detector does not move")):  # fmt: skip
        yield _rule(
            f"FLAT.{kind}", (zh, en), _of(kind), {"kind": "flat", "tolerance": 0.0, "after_s": 14_400}, {"on": {}},
            _why("moderate", "later", "数据失真，真实排放未知", "What is really there is unknown",
                 ("现场比对并检查采样管路", "Compare on site and inspect the sampling line"), "采样堵塞", "数据造假", "仪器死机"),
        )  # fmt: skip


def _suspect_monitors() -> Iterator[Rule]:
    yield _rule(
        "SUSPECT.emission", ("监测数据可疑", "Monitoring data are doubtful"), _of("emission"),
        {"kind": "suspect", "findings": ["repeated_block", "flat_line"], "hold_s": 3600}, {"on": {"off_delay_s": 600}},
        _why("moderate", "soon", "可疑数据不能作为达标依据", "Doubtful data never count as compliant",
             ("现场核查，保全证据", "Inspect on site and secure the evidence"), "数据造假", "仪器故障"),
    )  # fmt: skip


def _tank_pressures() -> Iterator[Rule]:
    yield _rule(
        "RANGE.tank.pressure", ("压力变送器超量程", "Pressure transmitter out of range"), _of("tank.pressure"), {"kind": "range"},
        {"on": {"on_delay_s": 30}},
        _why("major", "soon", "压力失去监视", "The pressure is not watched any more",
             ("改用就地压力表，报修变送器", "Use the local gauge, have the transmitter repaired"), "变送器故障", "引压管堵塞"),
    )  # fmt: skip


def _storm() -> Iterator[Rule]:
    """Wind of force 6 (GB/T 28591: from 10.8 m/s) stops work at height and lifting (GB 30871)."""
    yield _rule(
        "WIND.6", ("六级大风：停止高处与吊装作业", "Force 6: stop work at height and lifting"), _point("ZONE.WS01.WS"),
        {"kind": "expression", "text": "max([ZONE.WS01.WS], [ZONE.WS02.WS]) >= 10.8"}, {"on": {"on_delay_s": 120, "off_delay_s": 600}},
        _why("major", "prompt", "高处坠落、吊物摆动", "Falls from height, swinging loads",
             ("通知作业票持有单位停工撤人", "Tell permit holders to stop and clear the area"), "大风"),
        basis="GB 30871-2022 (演示参数)", standard="GB 30871-2022",
    )  # fmt: skip


def _treatment(points: Sequence[Point]) -> Iterator[Rule]:
    """Waste water arrives, air does not: treatment that is not treating; suppressed while hardly anything arrives."""
    codes = {p.code for p in points}
    for p in points:
        if p.kind != "process.treatment" or not p.code.endswith(".PBLOW"):
            continue
        inflow = p.code.removesuffix("PBLOW") + "FIN"
        if inflow not in codes:
            continue
        yield _rule(
            f"IDLE.{p.equipment.code}", ("治理设施空转或停运", "Treatment stands while water arrives"), _point(p.code),
            {"kind": "expression", "text": f"[{p.code}] < 30 and [{inflow}] > 300"}, {"on": {"on_delay_s": 300}},
            _why("major", "soon", "未经处理排放", "Discharge without treatment",
                 ("查鼓风机与旁路阀", "Look at blowers and the bypass valve"), "鼓风机跳停", "旁路"),
            suppression=f"[{inflow}] < 100",
        )  # fmt: skip


def _drifts(points: Sequence[Point]) -> Iterator[Rule]:
    """Slow drifts no threshold sees: EWMA on steady process values, CUSUM on the pH of outfalls."""
    for p in points:
        s = p.signal
        if s.prod or s.drivers or s.cycle or s.log or not any(s.noise):
            continue
        sigma = math.sqrt(sum(n * n for n in s.noise) + s.white**2)
        if p.kind == "process.boiler":
            yield _rule(
                f"EWMA.{p.code}", ("缓慢漂移（EWMA）", "Slow drift (EWMA)"), _point(p.code),
                {"kind": "ewma", "weight": 0.1, "baseline": {"how": "given", "mean": s.base, "sigma": sigma}},
                {"h": {"limit": 30.0}, "l": {"limit": -30.0}},
                _why("moderate", "later", "控制回路失效或仪表漂移", "A loop or an instrument drifts",
                     ("对比冗余仪表，检查控制回路", "Compare with the spare instrument, look at the loop"), "仪表漂移", "回路整定"),
            )  # fmt: skip
        elif p.kind == "emission.outfall" and p.code.endswith(".PH"):
            yield _rule(
                f"CUSUM.{p.code}", ("pH 持续偏移（CUSUM）", "pH shifts for good (CUSUM)"), _point(p.code),
                {"kind": "cusum", "slack": 4.0, "direction": "both", "baseline": {"how": "given", "mean": s.base, "sigma": sigma}},
                {"h": {"limit": 30.0}},
                _why("minor", "later", "电极老化或来水变化", "The electrode ages or the inflow has changed",
                     ("标定电极，核对来水", "Calibrate the electrode, look at the inflow"), "电极老化", "来水变化"),
            )  # fmt: skip
