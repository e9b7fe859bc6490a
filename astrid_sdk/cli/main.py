"""``astrid``: the command line. Each command takes input, calls the session, shows the result."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from typing_extensions import override

import astrid_sdk
from astrid_sdk.errors import AstridError
from astrid_sdk.session import AstridSession

_F = TypeVar("_F", bound=Callable[..., Any])
_BAD_INPUT = 2


class _Commands(click.Group):
    """A group whose commands end a foreseeable mistake with one line and exit code 2."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AstridError as error:
            click.echo(f"astrid: {error.message}", err=True)
            ctx.exit(_BAD_INPUT)


def _store_option(command: _F) -> _F:
    option = click.option(
        "--store",
        default="",
        metavar="DIR",
        help="A folder for the embedded store. Without it: R2 when ASTRID_R2_* is set, else the "
        "folder ASTRID_STORE names, else ./.astrid.",
    )
    return option(command)


def _connect(store: str) -> AstridSession:
    return astrid_sdk.connect(store or None)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="astrid-sdk")
def main() -> None:
    """Find transients in FITS images; keep every byte addressed and every step recorded."""


@main.command()
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Real images: a folder with reference/ and science/ (and truth.csv), or a flat folder. "
    "Without it a small survey is simulated.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the facts of the summary to FILE.",
)
@_store_option
def demo(images: Path | None, json_path: Path | None, store: str) -> None:
    """Images in, found transients out, through the five tiers."""
    from astrid_sdk.cli.demo import run_demo  # noqa: PLC0415 - Dagster takes seconds to import

    console = Console(stderr=True)
    report = run_demo(_connect(store), store, images, console)
    report.show(Console())
    if json_path is not None:
        report.write_json(json_path)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
@_store_option
def ui(host: str, port: int, store: str) -> None:
    """Start the Dagster UI on the store's runs; Ctrl-C stops it."""
    from astrid_sdk.cli.dagster_runs import (  # noqa: PLC0415 - as above
        ui_command,
        ui_environment,
    )

    session = _connect(store)
    command = ui_command(session, host, port)
    click.echo(f"Dagster UI: http://{host}:{port}  (Ctrl-C stops it)")
    try:
        sys.exit(subprocess.call(command, env=ui_environment(session, store)))  # noqa: S603
    except KeyboardInterrupt:
        sys.exit(0)


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--purpose",
    type=click.Choice(["science", "reference"]),
    default="science",
    show_default=True,
    help="What the frames are for.",
)
@_store_option
def put(path: Path, purpose: str, store: str) -> None:
    """Store a FITS file, or a folder of them, as raw observations."""
    click.echo(_connect(store).ingest(path, purpose=purpose))


@main.command()
@click.argument("content_hash")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write; its name by default."
)
@_store_option
def get(content_hash: str, output: Path | None, store: str) -> None:
    """Write the content with this hash to a file, verified."""
    click.echo(_connect(store).save(content_hash, output))


@main.command()
@click.option("--tier", help="Such as raw-observations or detections.")
@click.option("--name", help="A pattern, such as 'sn2024*'.")
@click.option("--night", help="YYYY-MM-DD, or undated.")
@click.option("--filter", "filter_band", help="Such as r.")
@click.option("--role", help="Such as image, frame, detections, triplet-001.")
@click.option("--after", help="Exposure start, UTC, ISO.")
@click.option("--before", help="Exposure start, UTC, ISO.")
@click.option("--cone", nargs=3, type=float, metavar="RA DEC RADIUS", help="ICRS, degrees.")
@_store_option
def find(store: str, cone: tuple[float, float, float] | None, **conditions: str | None) -> None:
    """List what is stored and meets all conditions."""
    given: dict[str, Any] = {name: value for name, value in conditions.items() if value}
    if cone:
        given |= dict(zip(("ra_deg", "dec_deg", "radius_deg"), cone, strict=True))
    click.echo(repr(_connect(store).find(**given)))


@main.command()
@click.argument("content_hash")
@_store_option
def why(content_hash: str, store: str) -> None:
    """Show what a content was made from, back to the raw files."""
    click.echo(str(_connect(store).why(content_hash)))


@main.command()
@click.argument("content_hash")
@click.option("--reason", required=True, help="Why, for whoever meets the exclusion later.")
@_store_option
def exclude(content_hash: str, reason: str, store: str) -> None:
    """Leave a content out from now on; `astrid include` takes it back."""
    _connect(store).exclude(content_hash, reason)


@main.command()
@click.argument("content_hash")
@_store_option
def include(content_hash: str, store: str) -> None:
    """Take an exclusion back."""
    _connect(store).include(content_hash)
