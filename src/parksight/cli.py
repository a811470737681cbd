"""The ``parksight`` command: run it, look after it, prove it.

Heavy imports wait until a command needs them, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parksight import __version__

if TYPE_CHECKING:
    from parksight.kernel.settings import Settings

app = typer.Typer(
    name="parksight",
    help="ParkSight (园视): the open operating system of an industrial park.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
audit_app = typer.Typer(help="The audit chain.", no_args_is_help=True)
account_app = typer.Typer(help="Accounts, for the administrator at the machine.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(account_app, name="account")
cases_app = typer.Typer(help="Cases.", no_args_is_help=True)
app.add_typer(cases_app, name="cases")

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="parksight.toml to read.")]
DataOption = Annotated[Path | None, typer.Option("--data-dir", "-d", help="Folder of all data.")]
PortOption = Annotated[int | None, typer.Option("--port", "-p", help="Port of the pages.")]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to bind; loopback by default.")]


def settings_from(config: Path | None, data_dir: Path | None = None, **overrides: dict[str, Any]) -> Settings:
    """Settings from file, environment and flags; a mistake ends the command with its explanation."""
    from parksight.kernel.settings import SettingsError, load_settings

    flags: dict[str, Any] = {k: v for k, v in overrides.items() if v}
    if data_dir is not None:
        flags["data_dir"] = str(data_dir)
    try:
        return load_settings(config, flags)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _server_flags(host: str | None, port: int | None) -> dict[str, Any]:
    return {k: v for k, v in (("host", host), ("port", port)) if v is not None}


@app.command()
def serve(
    config: ConfigOption = None,
    data_dir: DataOption = None,
    host: HostOption = None,
    port: PortOption = None,
) -> None:
    """Start ParkSight for a real zone."""
    from parksight.serve import serve as run

    run(settings_from(config, data_dir, server=_server_flags(host, port)))


@app.command()
def demo(
    config: ConfigOption = None,
    data_dir: DataOption = None,
    host: HostOption = None,
    port: PortOption = None,
    days: Annotated[float, typer.Option(help="Days of back-history on the first start.")] = 7.0,
    seed: Annotated[int, typer.Option(help="Seed of the demo zone.")] = 20261123,
    reset: Annotated[bool, typer.Option(help="Throw the demo data away and start anew.")] = False,
) -> None:
    """Start ParkSight with the living demo park: 90 simulated enterprises, everything marked simulated."""
    from parksight.serve import demo as run

    settings = settings_from(config, data_dir or None, server=_server_flags(host, port), zone={"demo": True})
    run(settings, days=days, seed=seed, reset=reset)


@app.command()
def dev(data_dir: DataOption = None, port: PortOption = None) -> None:
    """Start the demo park with reload of server code and pages."""
    from parksight.serve import develop

    develop(settings_from(None, data_dir, server=_server_flags(None, port), zone={"demo": True}))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="Archive to write.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write records, files and observations into one archive, while the platform is stopped."""
    from parksight.serve import backup as run

    typer.echo(json.dumps(run(settings_from(config, data_dir), target), ensure_ascii=False, indent=2))


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="Archive to read.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    force: Annotated[bool, typer.Option(help="Replace data that is already there.")] = False,
) -> None:
    """Verify an archive and put its contents in place."""
    from parksight.serve import restore as run

    typer.echo(
        json.dumps(run(settings_from(config, data_dir), archive, force=force), ensure_ascii=False, indent=2)
    )


@app.command()
def migrate(config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Bring the records database to the present schema."""
    from parksight.serve import migrate as run

    typer.echo(run(settings_from(config, data_dir)))


@app.command(name="warm-up")
def warm_up() -> None:
    """Compile the numeric kernels once, so that the first start does not wait for them."""
    from parksight.serve import warm_up as run

    run()


@app.command()
def openapi(
    target: Annotated[Path | None, typer.Argument(help="File to write; standard output without.")] = None,
) -> None:
    """Write the OpenAPI description of the HTTP interface."""
    from parksight.app import openapi_document

    text = json.dumps(openapi_document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if target is None:
        sys.stdout.write(text)
    else:
        target.write_text(text, encoding="utf-8")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@audit_app.command("verify")
def audit_verify(config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Recompute the audit chain and the histories anchored in it; exit 1 and name the first broken link if there is one."""
    from parksight.serve import audit_verify as run

    ok, text = run(settings_from(config, data_dir))
    typer.echo(text)
    raise typer.Exit(0 if ok else 1)


@cases_app.command("verify")
def cases_verify(files: Annotated[list[Path], typer.Argument(help="Exported cases (zip).")]) -> None:
    """Check exported cases without any database; exit 1 and name what does not hold."""
    from parksight.cases import proof

    findings = [proof.verify(file) for file in files]
    for finding in findings:
        typer.echo(finding.text())
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)


@account_app.command("create")
def account_create(
    username: str,
    role: Annotated[str, typer.Option(help="Role, e.g. administrator.")] = "administrator",
    name: Annotated[str, typer.Option(help="Name shown to others.")] = "",
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Create an account (the first administrator of a new zone); asks for the password."""
    from parksight.serve import create_account

    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    typer.echo(create_account(settings_from(config, data_dir), username, name or username, role, password))


def main() -> None:
    """Entry point of the installed command."""
    app()
