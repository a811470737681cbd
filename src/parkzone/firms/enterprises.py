"""The 90 enterprises: names, codes, people and land."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from parkzone.firms.credit import credit_code
from parkzone.firms.names import BRANDS, person, phone
from parkzone.firms.trades import TRADES, Trade
from parkzone.geometry.plan import ZONES, Parcel, Plan
from parkzone.seeds import stream

COUNT = 90


@dataclass(frozen=True)
class Enterprise:
    """A fictitious firm.

    Attributes:
        short: brand and product, without the legal form.
        load_mw: electric load at full production.
        share: size against the middle of its trade, about 0.8 to 1.2.
        contact: Chinese and English name of the placeholder person to call.
    """

    code: str
    index: int
    name: str
    name_en: str
    short: str
    short_en: str
    credit_code: str
    trade: Trade
    parcel: Parcel
    load_mw: float
    share: float
    representative: str
    contact: tuple[str, str]
    safety_officer: tuple[str, str]
    phone: str

    @property
    def industry(self) -> str:
        return self.trade.industry

    @property
    def chemical(self) -> bool:
        """In the chemical park."""
        return ZONES[self.parcel.zone][3] == "P1"


def enterprises(plan: Plan, seed: int) -> list[Enterprise]:
    """All firms in the order of their codes E001 … E090, each on its own parcel.

    Raises:
        ValueError: the plan has too few parcels of a land use.
    """
    land: dict[str, Iterator[Parcel]] = {}
    for use in {t.use for t in TRADES.values()}:
        free = [p for p in plan.parcels if p.use == use]
        order = stream(seed, "land", use).permutation(len(free))
        land[use] = iter([free[i] for i in order])
    out: list[Enterprise] = []
    for trade_code, brands in BRANDS.items():
        trade = TRADES[trade_code]
        for brand, brand_en in brands:
            parcel = next(land[trade.use], None)
            if parcel is None:
                raise ValueError(f"no parcel of use {trade.use} left for {brand}")
            out.append(_enterprise(len(out), brand, brand_en, trade, parcel, seed))
    return _shuffled(out, seed)


def _enterprise(n: int, brand: str, brand_en: str, trade: Trade, parcel: Parcel, seed: int) -> Enterprise:
    rng = stream(seed, "firm", brand)
    low, high = trade.load_mw
    load = round(float(rng.uniform(low, high)), 2)
    short, short_en = f"{brand}{trade.product}", f"{brand_en} {trade.product_en}"
    return Enterprise(
        code=f"E{n + 1:03d}", index=n, name=f"{short}(演示)有限公司", name_en=f"{short_en} (Demo) Co., Ltd.",
        short=short, short_en=short_en, credit_code=credit_code(101 + n), trade=trade, parcel=parcel,
        load_mw=load, share=load / ((low + high) / 2), representative=person(rng)[0], contact=person(rng),
        safety_officer=person(rng), phone=phone(n + 1),
    )  # fmt: skip


def _shuffled(firms: list[Enterprise], seed: int) -> list[Enterprise]:
    """Codes in no order of trade, as a register that grew over years has them."""
    order = stream(seed, "codes").permutation(len(firms))
    return [replace(firms[int(j)], code=f"E{i + 1:03d}", index=i) for i, j in enumerate(order)]
