"""Weather stations: the zone's own, over MQTT."""

from __future__ import annotations

from parkzone.catalogue.specs import Catalogue, Device, Equipment, Point, Signal
from parkzone.geometry.frame import Point as Place

PERIOD = 10.0
STATIONS: tuple[tuple[str, str, Place, float], ...] = (
    ("指挥中心气象站", "Command centre weather station", (380.0, 1120.0), 30.0),
    ("化工园区气象站", "Chemical park weather station", (-140.0, -60.0), 10.0),
)

#: suffix, names, quantity, unit, resolution, plausible range, class tag, signal
TAGS: tuple[tuple[str, str, str, str, str, float, float, float, str, Signal], ...] = (
    ("WS", "风速", "wind speed", "speed", "m/s", 0.1, 0.0, 60.0, "weather.wind_speed",
     Signal(0.0, 0.0, {"wind": 1.0}, (0.12, 0.1, 0.0, 0.0), 0.15, floor=0.0)),
    ("WD", "风向", "wind direction", "direction", "deg", 1.0, 0.0, 360.0, "weather.wind_direction",
     Signal(0.0, 0.0, {"direction": 1.0}, (3.0, 2.0, 0.0, 0.0), 4.0, wrap=360.0)),
    ("TA", "气温", "air temperature", "temperature", "degC", 0.1, -45.0, 50.0, "weather.temperature",
     Signal(0.0, 0.0, {"temperature": 1.0}, (0.08, 0.1, 0.1, 0.0), 0.03)),
    ("RH", "相对湿度", "relative humidity", "humidity", "%", 0.1, 0.0, 100.0, "weather.humidity",
     Signal(0.0, 0.0, {"humidity": 1.0}, (0.4, 0.4, 0.4, 0.0), 0.15, floor=5.0, ceiling=100.0)),
    ("PA", "气压", "air pressure", "pressure", "hPa", 0.1, 850.0, 1080.0, "weather.pressure",
     Signal(0.0, 0.0, {"pressure": 1.0}, (0.03, 0.03, 0.0, 0.0), 0.02)),
    ("RAIN", "雨强", "rain rate", "rain", "mm/h", 0.1, 0.0, 200.0, "weather.rain",
     Signal(0.0, 0.0, {"rain": 1.0}, floor=0.0)),
    ("SUN", "总辐射", "solar irradiance", "irradiance", "W/m2", 1.0, 0.0, 1500.0, "weather.irradiance",
     Signal(0.0, 0.0, {"sun": 980.0}, (1.0, 1.0, 0.0, 0.0), 0.8, floor=0.0)),
)  # fmt: skip


def stations(catalogue: Catalogue) -> None:
    """Both stations with their points."""
    for i, (zh, en, at, height) in enumerate(STATIONS, 1):
        code = f"ZONE.WS{i:02d}"
        thing = catalogue.add(Equipment(code, zh, en, "weather_station", None, None, at, height))
        device = Device(f"{code}.GW", zh, en, "mqtt", "json", f"weather/{code}", None, thing, period_s=PERIOD)
        catalogue.devices.append(device)
        for suffix, name, name_en, quantity, unit, resolution, low, high, kind, signal in TAGS:
            catalogue.points.append(Point(
                f"{code}.{suffix}", f"{zh} {name}", f"{en} {name_en}", quantity, unit, PERIOD, resolution, low, high,
                kind, None, thing, device.code, suffix, signal, None, 2,
            ))  # fmt: skip
