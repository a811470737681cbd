"""Puts the catalogue together: which firm has which equipment, which device serves it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from parkzone.catalogue import energy, process, storage, weather
from parkzone.catalogue.emission import Stations
from parkzone.catalogue.specs import Catalogue, Device, Equipment, Unit
from parkzone.firms.enterprises import Enterprise
from parkzone.firms.trades import SUBSTANCES, TRADES
from parkzone.geometry.buildings import Stand
from parkzone.geometry.frame import Point as Place
from parkzone.seeds import stream

#: Most units on one serial line, and detectors on one controller.
LINE_UNITS, CONTROLLER_CHANNELS = 16, 16
#: The tank farm that speaks Sparkplug B instead of plain JSON.
SPARKPLUG_TRADE, SPARKPLUG_PARCEL = "tankfarm", "05D-1"


#: Trades with two main plants.
TWO_PLANTS = ("urea", "methanol", "chloralkali", "sewage", "heat", "steel")
#: Trades without process water: their tap is not metered by the zone.
DRY_TRADES = ("flour", "feed", "valve", "fan", "vessel", "module", "storage", "casting", "sanitation")
WATER_TRADES = tuple(code for code in TRADES if code not in DRY_TRADES)


class _Lines:
    """Deals Modbus unit ids to serial lines; one kind of device per line."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self._next: dict[str, tuple[int, int]] = {}

    def take(self, kind: str) -> tuple[int, int]:
        line, unit = self._next.get(kind, (-1, LINE_UNITS))
        if unit >= LINE_UNITS:
            line, unit = len(self.kinds), 0
            self.kinds.append(kind)
        self._next[kind] = (line, unit + 1)
        return line, unit + 1


class Assembler:
    """One pass over the firms; see :func:`assemble`."""

    def __init__(self, firms: Sequence[Enterprise], stands: Mapping[str, Stand], seed: int) -> None:
        self.firms = firms
        self.stands = stands
        self.seed = seed
        self.catalogue = Catalogue()
        self.lines = _Lines()
        self.stations = Stations(self.catalogue, seed)

    def run(self) -> Catalogue:
        metered = {f.code for f in sorted(self.firms, key=lambda f: (-f.load_mw, f.code))[: energy.TERMINALS]}
        for firm in self.firms:
            self._firm(firm, firm.code in metered)
        self.stations.air()
        weather.stations(self.catalogue)
        return self.catalogue

    def _unit(self, firm: Enterprise, suffix: str, name: str, name_en: str) -> Unit:
        unit = Unit(f"{firm.code}.{suffix}", name, name_en, firm)
        self.catalogue.units.append(unit)
        return unit

    def _modbus(
        self,
        firm: Enterprise,
        kind: str,
        line_kind: str,
        code: str,
        zh: str,
        en: str,
        thing: Equipment | None,
        period: float,
    ) -> Device:
        line, unit = self.lines.take(line_kind)
        device = Device(
            code, zh, en, "modbus", kind, f"{line}/{unit}", firm, thing, line=line, unit=unit, period_s=period
        )
        self.catalogue.devices.append(device)
        return device

    def _firm(self, firm: Enterprise, metered: bool) -> None:
        stand = self.stands[firm.parcel.code]
        trade = firm.trade
        works = self._unit(firm, "U1", "生产车间", "Production")
        utilities = self._unit(firm, "U2", "公用工程", "Utilities")
        if metered:
            self._meter(firm, utilities, stand)
        self._flows(firm, utilities, stand)
        if trade.code == "pv":
            self._photovoltaic(firm, utilities, stand)
        if trade.plant:
            self._plants(firm, works, stand)
        if trade.tanks or trade.ambient:
            farm = self._unit(firm, "U3", "罐区", "Tank farm") if trade.tanks else works
            self._storage(firm, farm, works, stand)
        if trade.stacks or trade.outfalls:
            treatment = self._unit(firm, "U4", "环保设施", "Pollution control")
            stacks = stand.of("stack")
            for i, kind in enumerate(trade.stacks):
                body = stacks[i % len(stacks)]
                self.stations.stack(firm, i + 1, kind, (body.u, body.v), body.height, treatment)
            for i in range(trade.outfalls):
                at = (firm.parcel.u1 - 6.0 - 12.0 * i, firm.parcel.v0 + 6.0)
                self.stations.outfall(firm, i + 1, at, treatment)

    def _meter(self, firm: Enterprise, unit: Unit, stand: Stand) -> None:
        at = (firm.parcel.u0 + 14.0, firm.parcel.v0 + 14.0)
        thing = self.catalogue.add(
            Equipment(
                f"{firm.code}.EM01",
                "进线电表 EM01",
                "Incoming meter EM01",
                "meter",
                firm,
                unit.code,
                at,
                None,
                {"medium": "electricity", "terminal": True},
            )
        )
        device = self._modbus(
            firm,
            "meter",
            "meter",
            f"{thing.code}.DTU",
            "电能采集终端 EM01",
            "Energy terminal EM01",
            thing,
            energy.METER_PERIOD,
        )
        energy.terminal(self.catalogue, firm, at, unit, device, thing, self.seed)

    def _flows(self, firm: Enterprise, unit: Unit, stand: Stand) -> None:
        media = [("water", "WM", "水表", "Water meter")] if firm.trade.code in WATER_TRADES else []
        media += [("steam", "SM", "蒸汽表", "Steam meter")] if firm.trade.steam else []
        media += [("gas", "NG", "燃气表", "Gas meter")] if firm.trade.gas else []
        for i, (medium, tag, zh, en) in enumerate(media):
            at = (firm.parcel.u0 + 30.0 + 10.0 * i, firm.parcel.v0 + 10.0)
            thing = self.catalogue.add(
                Equipment(
                    f"{firm.code}.{tag}01",
                    f"{zh} {tag}01",
                    f"{en} {tag}01",
                    "meter",
                    firm,
                    unit.code,
                    at,
                    None,
                    {"medium": medium},
                )
            )
            device = self._modbus(
                firm,
                "flow",
                "flow",
                f"{thing.code}.DTU",
                thing.name,
                thing.name_en,
                thing,
                energy.FLOW_PERIOD,
            )
            energy.flow_meter(self.catalogue, firm, medium, unit, device, thing, self.seed)

    def _photovoltaic(self, firm: Enterprise, unit: Unit, stand: Stand) -> None:
        for i in range(1, 5):
            at = (firm.parcel.u0 + firm.parcel.width * i / 5, firm.parcel.centre[1])
            thing = self.catalogue.add(
                Equipment(
                    f"{firm.code}.PV{i:02d}",
                    f"光伏方阵 {i}",
                    f"PV array {i}",
                    "pv_array",
                    firm,
                    unit.code,
                    at,
                    None,
                    {"rated_kw": 6500},
                )
            )
            device = self._modbus(
                firm,
                "flow",
                "flow",
                f"{thing.code}.DTU",
                thing.name,
                thing.name_en,
                thing,
                energy.FLOW_PERIOD,
            )
            energy.photovoltaic(self.catalogue, firm, 6500.0, unit, device, thing)

    def _plants(self, firm: Enterprise, unit: Unit, stand: Stand) -> None:
        zh, en, kind, _, _ = process.PLANTS[firm.trade.plant]
        count = 2 if firm.trade.code in TWO_PLANTS else 1
        for i in range(1, count + 1):
            at = (firm.parcel.u0 + firm.parcel.width * (0.35 + 0.2 * i), firm.parcel.centre[1])
            thing = self.catalogue.add(
                Equipment(
                    f"{firm.code}.{kind[:2].upper()}{i:02d}",
                    f"{i}#{zh}",
                    f"{en.capitalize()} {i}",
                    kind,
                    firm,
                    unit.code,
                    at,
                    8.0,
                )
            )
            device = self._modbus(
                firm,
                "plc",
                "plc",
                f"{thing.code}.PLC",
                f"{thing.name} PLC",
                f"{thing.name_en} PLC",
                thing,
                process.PLC_PERIOD,
            )
            process.plant(self.catalogue, firm, thing, device, firm.trade.plant, self.seed)

    def _storage(self, firm: Enterprise, farm: Unit, works: Unit, stand: Stand) -> None:
        """Tanks and the gateway of their gauges; detectors beside tanks and in the works."""
        trade = firm.trade
        sparkplug = trade.code == SPARKPLUG_TRADE and firm.parcel.code == SPARKPLUG_PARCEL
        gauges: Device | None = None
        if trade.tanks or not firm.chemical:
            kind = "sparkplug" if sparkplug else "json"
            gauges = Device(
                f"{firm.code}.GW01",
                "罐区网关 GW01",
                "Tank farm gateway GW01",
                "mqtt",
                kind,
                f"{firm.code}/GW01",
                firm,
                period_s=storage.GAS_PERIOD,
            )
            self.catalogue.devices.append(gauges)
        bodies = [b for b in stand.buildings if b.storage]
        wanted: list[tuple[str, Place, Unit]] = []
        for i, code in enumerate(trade.tanks):
            body = bodies[i % len(bodies)]
            assert gauges is not None
            storage.tank(
                self.catalogue,
                firm,
                i + 1,
                SUBSTANCES[code],
                body,
                farm,
                gauges,
                f"tanks/T{i + 1:02d}:",
                self.seed,
            )
            gas = SUBSTANCES[code].gas
            if gas:
                wanted.append((gas, (body.u + body.radius + 6.0, body.v - 4.0), farm))
        rng = stream(self.seed, "places", firm.code)
        ring = bodies if wanted else []
        for k, gas in enumerate(trade.ambient):
            a, b = rng.random(), rng.random()
            if ring and k % 3 < 2:
                # two of three stand around the tanks of the firm, the third in its works
                body = ring[k % len(ring)]
                reach, angle = body.radius + 8.0, 2 * math.pi * a
                wanted.append(
                    (gas, (body.u + reach * math.cos(angle), body.v + reach * math.sin(angle)), farm)
                )
            else:
                at = (
                    firm.parcel.u0 + firm.parcel.width * (0.1 + 0.8 * a),
                    firm.parcel.v0 + firm.parcel.depth * (0.1 + 0.6 * b),
                )
                wanted.append((gas, at, works))
        self._detectors(firm, wanted, gauges)

    def _detectors(
        self, firm: Enterprise, wanted: Sequence[tuple[str, Place, Unit]], gauges: Device | None
    ) -> None:
        """Chemical firms have gas controllers on Modbus, the others send over their MQTT gateway."""
        controller = gauges
        for i, (species, at, unit) in enumerate(wanted):
            wired = firm.chemical and (gauges is None or gauges.kind != "sparkplug")
            if wired and i % CONTROLLER_CHANNELS == 0:
                n = i // CONTROLLER_CHANNELS + 1
                controller = self._modbus(
                    firm,
                    "gas",
                    "gas",
                    f"{firm.code}.GDS{n:02d}",
                    f"气体报警控制器 GDS{n:02d}",
                    f"Gas alarm controller GDS{n:02d}",
                    None,
                    storage.GAS_PERIOD,
                )
            assert controller is not None
            address = f"CH{i % CONTROLLER_CHANNELS + 1:02d}" if wired else f"gas/GD{i + 1:02d}:PPM"
            storage.detector(self.catalogue, firm, i + 1, species, at, unit, controller, address, self.seed)


def assemble(
    firms: Sequence[Enterprise], stands: Mapping[str, Stand], seed: int
) -> tuple[Catalogue, list[str]]:
    """The catalogue and the kind of each Modbus line.

    Args:
        stands: what stands on each parcel, by parcel code.
    """
    assembler = Assembler(firms, stands, seed)
    catalogue = assembler.run()
    return catalogue, assembler.lines.kinds
