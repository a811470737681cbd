"""The park as one object: plan, firms, buildings, catalogue; everything follows from the seed."""

from __future__ import annotations

from dataclasses import dataclass

from parkzone.catalogue import standing
from parkzone.catalogue.assemble import assemble
from parkzone.catalogue.specs import Catalogue
from parkzone.firms.enterprises import Enterprise, enterprises
from parkzone.geometry.buildings import Stand, build
from parkzone.geometry.plan import Plan
from parkzone.seeds import DEFAULT_SEED


@dataclass(frozen=True)
class Park:
    """What exists and is measured; ``lines`` holds the kind of device on each Modbus line."""

    seed: int
    plan: Plan
    firms: list[Enterprise]
    stands: list[Stand]
    catalogue: Catalogue
    lines: list[str]

    @property
    def owners(self) -> dict[str, str]:
        """Parcel code -> enterprise code."""
        return {f.parcel.code: f.code for f in self.firms}


def make_park(seed: int = DEFAULT_SEED) -> Park:
    """Build the whole park from its seed."""
    plan = Plan()
    firms = enterprises(plan, seed)
    stands = [build(p, seed) for p in plan.parcels]
    catalogue, lines = assemble(firms, {s.parcel.code: s for s in stands}, seed)
    standing.apply(catalogue, firms)
    return Park(seed, plan, firms, stands, catalogue, lines)
