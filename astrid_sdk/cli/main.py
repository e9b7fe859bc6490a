"""``astrid``: the command line. Each command takes input, calls the session, shows the result."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from astrid_sdk.cli.group import BAD_INPUT, Commands
from astrid_sdk.cli.places import require_json_target, require_writable
from astrid_sdk.cli.stores import chosen_folder, open_existing_store, open_store

_F = TypeVar("_F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)
_SHOWN = 40


def _store_option(command: _F) -> _F:
    option = click.option(
        "--store",
        default="",
        metavar="DIR",
        callback=lambda _context, _option, text: chosen_folder(text),
        help="A folder for the embedded store. Without it: R2 when ASTRID_R2_* is set, else the "
        "folder that ASTRID_STORE names, else ./.astrid.",
    )
    return option(command)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="astrid-sdk")
@click.pass_context
def main(context: click.Context) -> None:
    """Find transients in FITS images; keep every byte addressed and every step recorded.

    Begin with `astrid demo`. A mistake ends a command with one line and exit code 2.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@main.command()
@click.option(
    "--images",
    type=_FILE,
    metavar="DIR",
    help="Real images: a folder with reference/ and science/ (and truth.csv), or a flat folder, "
    "which is split by date and filter. Without it a small survey is simulated.",
)
@click.option(
    "--json",
    "json_path",
    type=_FILE,
    metavar="FILE",
    help="Write the facts of the summary to FILE.",
)
@_store_option
def demo(images: Path | None, json_path: Path | None, store: str) -> None:
    """Images in, found transients out, through the five tiers.

    A second run on the same store computes nothing again. Files that cannot be used are named
    with the reason and left where they are.
    """
    # Whatever can be refused is refused before minutes of work, and before seconds of import.
    from astrid_sdk.cli.demo_input import require_images  # noqa: PLC0415

    if json_path is not None:
        require_json_target(json_path)
    if images is not None:
        images = images.expanduser()
        require_images(images)
    session = open_store(store)
    session.prepare()
    require_writable(session.home, "run astrid in a folder that you may write, or set ASTRID_STORE")

    from astrid_sdk.cli.demo import run_demo  # noqa: PLC0415
    from astrid_sdk.cli.demo_summary import show  # noqa: PLC0415

    report = run_demo(session, store, images, Console(stderr=True))
    if json_path is not None:
        report.write_json(json_path)
    show(report, Console(highlight=False))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    show_default=True,
    help="Port to listen on.",
)
@_store_option
def ui(host: str, port: int, store: str) -> None:
    """Start the Dagster UI on the store's runs; Ctrl-C stops it."""
    from astrid_sdk.cli.dagster_runs import (  # noqa: PLC0415 - Dagster takes seconds to import
        run_ui,
        ui_command,
    )

    session = open_store(store)
    command = ui_command(session, host, port)
    click.echo(f"Dagster UI: http://{host}:{port}  (Ctrl-C stops it)")
    run_ui(session, store, command)


@main.command()
@click.argument("path", type=_FILE)
@click.option(
    "--purpose",
    type=click.Choice(["science", "reference"]),
    default="science",
    show_default=True,
    help="What the frames are for: to be searched, or to make templates from.",
)
@_store_option
def put(path: Path, purpose: str, store: str) -> None:
    """Store a FITS file, or a folder of them, as raw observations.

    Exit code 2 where no file at all could be stored.
    """
    report = open_store(store).ingest(path, purpose=purpose)
    click.echo(report)
    if not report.files:
        sys.exit(BAD_INPUT)


@main.command()
@click.argument("content_hash")
@click.option("-o", "--output", type=_FILE, help="File to write; its own name by default.")
@_store_option
def get(content_hash: str, output: Path | None, store: str) -> None:
    """Write the content with this hash to a file, verified.

    Any unique beginning of the hash with at least eight digits is enough.
    """
    click.echo(open_existing_store(store).save(content_hash, output))


@main.command()
@click.option("--tier", help="Such as raw-observations or detections.")
@click.option("--name", help="A pattern, such as 'sn2024*'.")
@click.option("--night", help="YYYY-MM-DD, or undated.")
@click.option("--filter", "filter_band", help="Such as r.")
@click.option("--role", help="Such as image, frame, detections, triplet-001.")
@click.option("--after", help="Exposure start, UTC, ISO.")
@click.option("--before", help="Exposure start, UTC, ISO.")
@click.option("--cone", nargs=3, type=float, metavar="RA DEC RADIUS", help="ICRS, degrees.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=_SHOWN,
    show_default=True,
    help="How many to show; 0 shows all.",
)
@_store_option
def find(
    store: str, limit: int, cone: tuple[float, float, float] | None, **conditions: str | None
) -> None:
    """List what is stored and meets all conditions."""
    from astrid_sdk.cli.listing import listing  # noqa: PLC0415 - pandas takes a second to import

    given: dict[str, Any] = {name: value for name, value in conditions.items() if value}
    if cone:
        given |= dict(zip(("ra_deg", "dec_deg", "radius_deg"), cone, strict=True))
    for line in listing(list(open_existing_store(store).find(**given)), limit):
        click.echo(line)


@main.command()
@click.argument("content_hash")
@_store_option
def why(content_hash: str, store: str) -> None:
    """Show what a content was made from, back to the raw files."""
    click.echo(str(open_existing_store(store).why(content_hash)))


@main.command()
@click.argument("content_hash")
@click.option("--reason", required=True, help="Why, for whoever meets the exclusion later.")
@_store_option
def exclude(content_hash: str, reason: str, store: str) -> None:
    """Leave a content out from now on; `astrid include` takes it back."""
    open_existing_store(store).exclude(content_hash, reason)
    click.echo(f"{content_hash} is left out from now on; astrid include takes that back")


@main.command()
@click.argument("content_hash")
@_store_option
def include(content_hash: str, store: str) -> None:
    """Take an exclusion back."""
    open_existing_store(store).include(content_hash)
    click.echo(f"{content_hash} is used again")
