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


@app.command()
def run(
    url: Annotated[str, typer.Option(help="Where ParkSight is served.")] = "http://127.0.0.1:8600",
    token: Annotated[str, typer.Option(envvar="PARKZONE_TOKEN", help="API token of an integrator.")] = "",
    hj212_port: Annotated[int, typer.Option(help="Port of ParkSight's HJ 212 gateway.")] = 8612,
    days: Annotated[float, typer.Option(min=0.0, max=400.0, help="Days of back-history.")] = 7.0,
    seed: SeedOption = DEFAULT_SEED,
    mqtt_port: Annotated[int, typer.Option(help="Port of the demo's MQTT broker; 0: chosen.")] = 8620,
    modbus_port: Annotated[int, typer.Option(help="First port of the Modbus lines; 0: chosen.")] = 8630,
    control_port: Annotated[int, typer.Option(help="Port of the control route; 0: a free one.")] = 8629,
    control_token: Annotated[
        str,
        typer.Option(envvar="PARKZONE_CONTROL_TOKEN", help="Token of the control route; default: random."),
    ] = "",
    parent: Annotated[int | None, typer.Option(help="End when this parent process has ended.")] = None,
    cameras: Annotated[bool, typer.Option(help="Film the zone, too.")] = True,
) -> None:
    """Play the zone: introduce it to ParkSight, connect all devices, send the back-history, then live on.

    Prints one JSON object per line: listening, setup, devices, history, scenario, stopped.
    """
    import asyncio

    from parkzone.zone import Options, Zone

    if not token:
        typer.echo("no API token: give --token or set PARKZONE_TOKEN", err=True)
        raise typer.Exit(2)
    options = Options(
        url=url, token=token, hj212_port=hj212_port, seed=seed, days=days, mqtt_port=mqtt_port,
        modbus_port=modbus_port, control_port=control_port, control_token=control_token, parent=parent,
        cameras=cameras,
    )  # fmt: skip

    async def play() -> None:
        await Zone(options).run()

    asyncio.run(play())


@app.command()
def cameras(
    port: Annotated[int, typer.Option(help="Port of RTSP; 0: a free one.")] = 8654,
    http_port: Annotated[
        int, typer.Option(help="Port of ONVIF, photographs and control; 0: a free one.")
    ] = 8655,
    control_token: Annotated[
        str,
        typer.Option(envvar="PARKZONE_CAMERAS_TOKEN", help="Token of the control route; default: random."),
    ] = "",
    warm: Annotated[bool, typer.Option(help="Have the film crew ready before anybody looks.")] = False,
    seed: SeedOption = DEFAULT_SEED,
    parent: Annotated[int | None, typer.Option(help="End when this parent process has ended.")] = None,
) -> None:
    """Film the zone: 17 lookouts and some low cameras over RTSP and ONVIF, rendered when somebody looks."""
    import asyncio

    from parkzone.cameras.play import play

    asyncio.run(play(seed, port, http_port, control_token, warm=warm, parent=parent))


@app.command()
def camera(
    code: Annotated[str | None, typer.Argument(help="Camera; none: list them.")] = None,
    knob: Annotated[
        list[str] | None,
        typer.Argument(help="name=value, e.g. packet_loss=0.3 frozen=true; reset: all healthy."),
    ] = None,
    control: Annotated[str, typer.Option(help="The zone's control route.")] = "http://127.0.0.1:8629",
    control_token: Annotated[str, typer.Option(envvar="PARKZONE_CONTROL_TOKEN", help="Its token.")] = "",
) -> None:
    """List the cameras of the running zone, or turn the knobs of one."""
    import json

    import httpx

    with httpx.Client(
        base_url=control, headers={"authorization": f"Bearer {control_token}"}, timeout=10.0
    ) as client:
        try:
            if code is None:
                answer = client.get("/cameras")
            else:
                wanted = {n: json.loads(v or "true") for n, _, v in (k.partition("=") for k in knob or [])}
                answer = client.post(f"/cameras/{code}", json=wanted)
        except httpx.TransportError as error:
            typer.echo(f"no running zone at {control}: {error}", err=True)
            raise typer.Exit(1) from None
        except ValueError as error:
            typer.echo(f"a value is a number, true or false: {error}", err=True)
            raise typer.Exit(2) from None
    if answer.status_code != 200:
        typer.echo(f"{answer.status_code}: {answer.text}", err=True)
        raise typer.Exit(1)
    shown = answer.json()
    for one in shown.get("cameras", [shown]):
        seen = one.get("viewers", {})
        typer.echo(f"{one['code']}  {one.get('name', ''):<20} watched {sum(seen.values())}  {one['knobs']}")


@app.command()
def scenario(
    name: Annotated[str | None, typer.Argument(help="Scenario to start; none: list them.")] = None,
    stop: Annotated[bool, typer.Option(help="Stop it instead.")] = False,
    duration: Annotated[float | None, typer.Option(help="Seconds it lasts.")] = None,
    control: Annotated[str, typer.Option(help="The zone's control route.")] = "http://127.0.0.1:8629",
    control_token: Annotated[str, typer.Option(envvar="PARKZONE_CONTROL_TOKEN", help="Its token.")] = "",
    language: Annotated[str, typer.Option(help="zh-CN or en.")] = "zh-CN",
) -> None:
    """List, start or stop the scenarios of the running zone."""
    import httpx

    headers = {"authorization": f"Bearer {control_token}", "accept-language": language}
    with httpx.Client(base_url=control, headers=headers, timeout=10.0) as client:
        try:
            if name is None:
                answer = client.get("/scenarios")
            elif stop:
                answer = client.delete(f"/scenarios/{name}")
            else:
                answer = client.post(
                    f"/scenarios/{name}", json={} if duration is None else {"duration_s": duration}
                )
        except httpx.TransportError as error:
            typer.echo(f"no running zone at {control}: {error}", err=True)
            raise typer.Exit(1) from None
    if answer.status_code != 200:
        typer.echo(f"{answer.status_code}: {answer.text}", err=True)
        raise typer.Exit(1)
    shown = answer.json()
    for one in shown if isinstance(shown, list) else [shown]:
        mark = "*" if one["running"] else " "
        typer.echo(f"{mark} {one['name']:<20} {one['title']}  {one['description']}")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
