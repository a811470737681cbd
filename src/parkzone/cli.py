"""The ``parkzone`` command: the demo zone as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parkzone.seeds import DEFAULT_SEED

app = typer.Typer(
    name="parkzone",
    help="The zone in a box: 90 simulated enterprises that speak to ParkSight through real protocols.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


SeedOption = Annotated[int, typer.Option(help="Seed of the zone.")]


@app.callback()
def _group() -> None:
    """Everything simulated says so."""


@app.command()
def dump(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    seed: SeedOption = DEFAULT_SEED,
) -> None:
    """Write all import files (GeoJSON layers, points, devices, alarm rules) for inspection."""
    from parkzone.dump import write

    for name, size in write(out, seed):
        typer.echo(f"{size:>10,}  {name}")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
