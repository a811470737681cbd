"""The closed vocabularies of what exists. Labels for people are in ``locales`` as ``registry.<word list>.<word>``."""

from __future__ import annotations

#: Kinds of place; the first four nest (boundary > district or park > zone > parcel).
PLACE_KINDS = (
    "boundary", "district", "park", "zone", "parcel", "road", "rail", "river", "contour", "building", "shadow",
    "bund", "solar", "gate", "sensitive", "area",
)  # fmt: skip
ZONE_KINDS = ("zone", "district", "park", "boundary")

#: The five leading industries of the zone.
INDUSTRIES = ("food_processing", "environmental_equipment", "new_energy", "metals_recycling", "fertiliser")

ENTERPRISE_STATUSES = ("planned", "construction", "trial", "producing", "suspended", "closed")

EQUIPMENT_KINDS = (
    "tank", "stack", "outfall", "meter", "gas_detector", "fire_detector", "weather_station", "air_station",
    "noise_station", "boiler", "furnace", "reactor", "column", "compressor", "pump", "valve", "pipeline",
    "treatment", "transformer", "generator", "pv_array", "storage", "line", "robot", "lamp", "hydrant",
    "camera", "vehicle", "sensor", "other",
)  # fmt: skip

CAMERA_KINDS = ("lookout", "low")
