"""Import of equipment through the importer against making the same records one by one, in one run.

python -m bench.registry_import [--rows N] [--json]
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.permissions import SYSTEM
from parksight.registry.kinds import KINDS
from parksight.registry.schemas import EnterpriseIn, EquipmentIn
from parksight.registry.service import RegistryService
from parksight.registry.transfer.importer import Importer

KIND = KINDS["equipment"]


def run(rows: int = 5_000, single: int = 200) -> dict[str, Any]:
    """Rows per second of both ways, on a database file of their own."""
    with tempfile.TemporaryDirectory() as folder:
        clock = SystemClock()
        db = Database(f"sqlite:///{Path(folder) / 'records.sqlite'}", Bus(), clock)
        db.create_all()
        service = RegistryService(db, clock)
        service.start()
        with db.session() as session:
            service.create(session, SYSTEM, KINDS["enterprises"], EnterpriseIn(code="E1", name="e"))
        lines = [f"T{i},储罐{i},tank,E1,120.77,41.80,{i}" for i in range(rows)]
        head = "code,name,kind,enterprise_code,longitude,latitude,properties.volume_m3\n"
        content = (head + "\n".join(lines)).encode()
        begun = time.perf_counter()
        Importer(db, clock).run(SYSTEM, KIND, io.BytesIO(content), "rows.csv")
        bulk_s = time.perf_counter() - begun
        begun = time.perf_counter()
        for i in range(single):
            point = {"type": "Point", "coordinates": [120.77, 41.80]}
            data = EquipmentIn(code=f"S{i}", name=f"储罐{i}", kind="tank", enterprise_id=1, geometry=point)
            with db.session() as session:
                service.create(session, SYSTEM, KIND, data)
        single_s = time.perf_counter() - begun
        db.close()
    bulk_rate, single_rate = rows / bulk_s, single / single_s
    return {
        "rows": rows, "seconds": round(bulk_s, 2), "rows_per_s": round(bulk_rate),
        "single_rows_per_s": round(single_rate), "ratio": round(bulk_rate / single_rate, 1), "floor": 5, "aim": 10,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = run(args.rows)
    if args.json:
        print(json.dumps(figures))
        return
    print(
        f"registry import: {figures['rows']:,} rows in {figures['seconds']} s = {figures['rows_per_s']:,} rows/s; one by one "
        f"{figures['single_rows_per_s']:,} rows/s; ratio {figures['ratio']}x (floor {figures['floor']}, aim {figures['aim']})"
    )


if __name__ == "__main__":
    main()
