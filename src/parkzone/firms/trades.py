"""The trades of the demo zone: what a kind of firm makes and what it therefore has.

Loads, tank contents and detectors are typical sizes chosen for the demo, not figures of any real plant.
"""

from __future__ import annotations

from dataclasses import dataclass

INDUSTRIES = ("food_processing", "environmental_equipment", "new_energy", "metals_recycling", "fertiliser")


@dataclass(frozen=True)
class Substance:
    """A stored substance.

    Attributes:
        gas: what its detector measures: ``combustible``, ``voc``, ``h2s``, ``cl2``, ``nh3``.
        temperature: storage temperature in degC; None follows the weather.
        pressure: typical gauge pressure in kPa.
        hazardous: listed as hazardous, so it leaks in scenarios and wants detectors.
    """

    name: str
    name_en: str
    gas: str | None
    temperature: float | None = None
    pressure: float = 2.0
    hazardous: bool = True


SUBSTANCES: dict[str, Substance] = {
    "benzene": Substance("苯", "benzene", "voc"),
    "toluene": Substance("甲苯", "toluene", "voc"),
    "xylene": Substance("二甲苯", "xylene", "voc"),
    "methanol": Substance("甲醇", "methanol", "combustible"),
    "ethanol": Substance("乙醇", "ethanol", "combustible"),
    "ammonia": Substance("液氨", "liquid ammonia", "nh3", pressure=820.0),
    "chlorine": Substance("液氯", "liquid chlorine", "cl2", pressure=640.0),
    "acid": Substance("硫酸", "sulphuric acid", None, pressure=0.5),
    "caustic": Substance("液碱", "caustic soda", None, temperature=32.0, pressure=0.5),
    "peroxide": Substance("双氧水", "hydrogen peroxide", None, temperature=22.0, pressure=0.5),
    "diesel": Substance("柴油", "diesel", "combustible", pressure=1.0),
    "styrene": Substance("苯乙烯", "styrene", "voc", temperature=16.0),
    "acetone": Substance("丙酮", "acetone", "voc"),
    "nmp": Substance("N-甲基吡咯烷酮", "NMP", "voc"),
    "soyoil": Substance("大豆油", "soybean oil", None, temperature=38.0, pressure=0.5, hazardous=False),
    "milk": Substance("原奶", "raw milk", None, temperature=4.0, pressure=0.5, hazardous=False),
    "syrup": Substance("糖浆", "syrup", None, temperature=52.0, pressure=0.5, hazardous=False),
    "vinegar": Substance("食醋", "vinegar", None, temperature=24.0, pressure=0.5, hazardous=False),
}


@dataclass(frozen=True)
class Trade:
    """A kind of firm.

    Attributes:
        use: land use of its parcel (see ``geometry.plan``).
        load_mw: electric load at full production, low and high.
        shift: ``continuous``, ``three``, ``two`` or ``one``.
        stacks: kinds of monitored stack: ``boiler``, ``furnace``, ``process``, ``voc``, ``dust``.
        outfalls: monitored outfalls.
        tanks: substances of its tanks, in the order of the tanks on the parcel.
        plant: kind of the PLC-monitored main plant, empty for none.
        steam, gas: whether it buys steam and natural gas.
        ambient: detectors beside those of the tanks, species per detector.
    """

    code: str
    industry: str
    use: str
    product: str
    product_en: str
    load_mw: tuple[float, float]
    shift: str
    stacks: tuple[str, ...] = ()
    outfalls: int = 0
    tanks: tuple[str, ...] = ()
    plant: str = ""
    steam: bool = False
    gas: bool = False
    ambient: tuple[str, ...] = ()


_F, _E, _N, _M, _C = INDUSTRIES

TRADES: dict[str, Trade] = {
    t.code: t
    for t in (
        # food processing
        Trade("soy", _F, "F", "大豆油脂", "Soybean Oils", (1.6, 2.6), "three", ("boiler",), 1, ("soyoil",) * 3,
              "boiler", True, True, ("combustible", "combustible")),
        Trade("starch", _F, "F", "玉米淀粉", "Corn Starch", (2.2, 3.4), "continuous", ("boiler",), 1,
              ("syrup", "syrup"), "boiler", True, True, ("combustible", "combustible")),
        Trade("dairy", _F, "F", "乳业", "Dairy", (1.0, 1.6), "three", (), 1, ("milk",) * 2, "cold", True, True,
              ("nh3", "nh3", "nh3")),
        Trade("meat", _F, "F", "肉制品", "Meats", (0.8, 1.4), "two", (), 1, (), "cold", True, False,
              ("nh3", "nh3", "nh3")),
        Trade("frozen", _F, "F", "速冻食品", "Frozen Foods", (1.1, 1.8), "three", (), 0, (), "cold", False, True,
              ("nh3", "nh3", "nh3")),
        Trade("drink", _F, "F", "饮品", "Beverages", (0.7, 1.2), "two", (), 1, ("syrup",) * 2, "", True, False),
        Trade("sauce", _F, "F", "酿造", "Brewing", (0.5, 0.9), "two", (), 1, ("vinegar",) * 2, "", True, False,
              ("combustible",)),
        Trade("flour", _F, "F", "面粉", "Flour Milling", (0.8, 1.3), "three", ("dust",)),
        Trade("feed", _F, "F", "饲料", "Feeds", (0.6, 1.0), "two", ("dust",)),
        # environmental equipment
        Trade("dustcollector", _E, "E", "除尘装备", "Dust Control Equipment", (0.6, 1.1), "two", ("voc",),
              gas=True, ambient=("voc", "combustible")),
        Trade("watertreat", _E, "E", "水处理装备", "Water Treatment Equipment", (0.5, 0.9), "two", (),
              ambient=("combustible",)),
        Trade("desulph", _E, "E", "脱硫脱硝装备", "Flue Gas Equipment", (0.7, 1.2), "two", ("voc",), gas=True,
              ambient=("voc", "combustible")),
        Trade("instrument", _E, "E", "环境监测仪器", "Environmental Instruments", (0.3, 0.5), "one"),
        Trade("valve", _E, "E", "阀门", "Valves", (0.6, 1.0), "two", ("dust",), gas=True, ambient=("combustible",)),
        Trade("fan", _E, "E", "风机", "Industrial Fans", (0.5, 0.9), "two", ("voc",), ambient=("voc",)),
        Trade("sanitation", _E, "E", "环卫车辆", "Sanitation Vehicles", (0.8, 1.3), "two", ("voc",), gas=True,
              ambient=("voc", "voc", "combustible")),
        Trade("membrane", _E, "E", "膜材料", "Membranes", (0.9, 1.4), "three", ("voc",), 1, ("acetone",) * 2,
              "reactor", True, False, ("voc", "voc")),
        Trade("vessel", _E, "E", "压力容器", "Pressure Vessels", (0.8, 1.3), "two", (), gas=True,
              ambient=("combustible",)),
        Trade("sewage", _E, "W", "水务", "Water Services", (1.6, 2.2), "continuous", (), 2, (), "aeration",
              ambient=("h2s", "h2s", "h2s", "h2s", "nh3", "nh3", "combustible", "combustible")),
        # new energy
        Trade("cell", _N, "N", "锂电池", "Lithium Cells", (2.4, 3.8), "continuous", ("voc",), 1, ("nmp",) * 2,
              "furnace", True, True, ("voc", "voc", "combustible", "combustible")),
        Trade("cathode", _N, "N", "正极材料", "Cathode Materials", (3.0, 4.6), "continuous", ("furnace",), 1,
              ("ammonia",) * 2, "furnace", True, True, ("nh3", "nh3", "nh3")),
        Trade("module", _N, "N", "光伏组件", "PV Modules", (1.4, 2.2), "three", ("voc",), ambient=("voc",)),
        Trade("blade", _N, "N", "风电叶片", "Wind Blades", (0.9, 1.4), "two", ("voc",), 0, ("styrene",) * 2, "",
              False, False, ("voc", "voc", "voc")),
        Trade("storage", _N, "N", "储能系统", "Storage Systems", (0.8, 1.3), "two", ambient=("combustible",) * 3),
        Trade("inverter", _N, "N", "逆变器", "Inverters", (0.5, 0.9), "two"),
        Trade("hydrogen", _N, "N", "氢能", "Hydrogen Energy", (2.6, 3.6), "continuous", plant="reactor",
              ambient=("combustible",) * 8),
        Trade("heat", _N, "U", "热电", "Heat and Power", (4.2, 5.2), "continuous", ("boiler", "boiler"), 1,
              ("ammonia",) * 2, "boiler", False, True, ("nh3", "nh3", "combustible", "combustible")),
        Trade("pv", _N, "S", "光伏发电", "Solar Power", (0.06, 0.1), "continuous"),
        # metals recycling
        Trade("aluminium", _M, "M", "再生铝", "Recycled Aluminium", (4.0, 5.6), "continuous", ("furnace", "dust"),
              1, (), "furnace", False, True, ("combustible", "combustible")),
        Trade("copper", _M, "M", "再生铜", "Recycled Copper", (4.2, 6.2), "continuous", ("furnace", "dust"), 1,
              ("acid",) * 2, "furnace", True, True, ("combustible", "combustible")),
        Trade("lead", _M, "M", "再生铅", "Recycled Lead", (2.2, 3.2), "continuous", ("furnace",), 1, ("acid",) * 2,
              "furnace", False, True, ("combustible", "h2s")),
        Trade("steel", _M, "M", "循环钢材", "Recycled Steel", (8.5, 11.0), "continuous", ("furnace", "dust"), 1, (),
              "furnace", False, True, ("combustible",) * 4),
        Trade("vanadium", _M, "M", "钒钛新材", "Vanadium Titanium", (3.6, 5.0), "continuous", ("furnace",), 1,
              ("acid", "ammonia"), "furnace", True, True, ("nh3", "nh3")),
        Trade("casting", _M, "M", "精密铸造", "Precision Casting", (1.8, 3.0), "three", ("dust",), gas=True,
              plant="", ambient=("combustible",)),
        Trade("hazwaste", _M, "W", "资源循环", "Resource Recovery", (1.4, 2.0), "continuous", ("furnace",), 1,
              ("diesel",) * 2, "furnace", False, True, ("combustible", "h2s", "h2s", "voc", "voc", "nh3")),
        # fertiliser and fine chemicals
        Trade("urea", _C, "C", "化肥", "Fertiliser", (6.0, 8.5), "continuous", ("boiler", "process"), 1,
              ("ammonia",) * 4 + ("methanol",) * 2, "reactor", True, True, ("nh3",) * 5 + ("combustible",) * 3),
        Trade("npk", _C, "C", "复合肥", "Compound Fertiliser", (2.0, 3.0), "three", ("dust", "boiler"), 1,
              ("acid",) * 3 + ("ammonia",), "reactor", True, True, ("nh3",) * 4),
        Trade("methanol", _C, "C", "甲醇化工", "Methanol Chemicals", (4.4, 6.0), "continuous", ("process",), 1,
              ("methanol",) * 6, "reactor", True, True, ("combustible",) * 8 + ("h2s",) * 2),
        Trade("chloralkali", _C, "C", "氯碱", "Chlor-Alkali", (9.0, 12.0), "continuous", ("process",), 1,
              ("chlorine",) * 3 + ("caustic",) * 3, "reactor", True, False, ("cl2",) * 7 + ("combustible",) * 3),
        Trade("fine", _C, "C", "精细化工", "Fine Chemicals", (2.0, 3.2), "continuous", ("voc",), 1,
              ("benzene", "toluene", "xylene", "methanol", "acid", "caustic"), "reactor", True, True,
              ("voc",) * 4 + ("combustible",) * 2),
        Trade("coating", _C, "C", "树脂涂料", "Resins and Coatings", (1.2, 2.0), "two", ("voc",), 1,
              ("styrene", "toluene", "xylene", "acetone"), "reactor", True, True,
              ("voc",) * 5 + ("combustible",) * 3),
        Trade("agro", _C, "C", "农化中间体", "Agro Intermediates", (1.8, 2.8), "continuous", ("voc",), 1,
              ("toluene", "chlorine", "methanol", "caustic"), "reactor", True, False,
              ("cl2",) * 3 + ("voc",) * 3 + ("combustible",) * 2),
        Trade("peroxide", _C, "C", "过氧化物", "Peroxides", (1.8, 2.6), "continuous", ("voc",), 1,
              ("peroxide",) * 4 + ("xylene",), "reactor", True, False, ("combustible",) * 4 + ("voc",) * 2),
        Trade("tankfarm", _C, "T", "化工仓储", "Chemical Storage", (0.5, 0.8), "three", ("voc",), 0,
              ("benzene", "benzene", "toluene", "xylene", "methanol", "methanol", "ethanol", "benzene", "styrene",
               "acetone", "methanol", "toluene", "diesel", "diesel", "xylene"), "", False, False,
              ("voc",) * 5 + ("combustible",) * 5),
    )
}  # fmt: skip
