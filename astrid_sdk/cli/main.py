"""``astrid``: the command line. Each command takes input, calls the session, shows the result."""

import sys
from pathlib import Path

import click
from rich.console import Console

from astrid_sdk import observe
from astrid_sdk.cli.audit import audit
from astrid_sdk.cli.catalog import catalog
from astrid_sdk.cli.dataset import dataset
from astrid_sdk.cli.delete import delete, restore
from astrid_sdk.cli.finding import find
from astrid_sdk.cli.group import BAD_INPUT, Commands
from astrid_sdk.cli.keys import keys
from astrid_sdk.cli.label import label
from astrid_sdk.cli.lineage import impact, why
from astrid_sdk.cli.mlflow import mlflow
from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.pairs import pairs
from astrid_sdk.cli.places import require_json_target, require_writable
from astrid_sdk.cli.serve import serve
from astrid_sdk.cli.stores import open_existing_store, open_store

_FILE = click.Path(path_type=Path)


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
    came_by = observe.face.set("cli")
    context.call_on_close(lambda: observe.face.reset(came_by))
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
@store_option
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
@store_option
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
@click.argument("paths", type=_FILE, nargs=-1, required=True, metavar="PATH...")
@click.option("--tier", default="raw-observations", show_default=True, help="Where they go.")
@click.option(
    "--purpose",
    type=click.Choice(["science", "reference"]),
    default="science",
    show_default=True,
    help="What the frames are for: to be searched, or to make templates from.",
)
@store_option
def put(paths: tuple[Path, ...], tier: str, purpose: str, store: str) -> None:
    """Store FITS files, folders of them, or what patterns such as 'nights/**/*.fits.gz' match.

    A run that was stopped goes on where it was when it is started again. Exit code 2 where no file
    at all could be stored.
    """
    # Whatever can be refused is refused before a store is made.
    from astrid_sdk.catalog.ingest.gathering import gather  # noqa: PLC0415 - pyarrow, below
    from astrid_sdk.catalog.ingest.ingest import observation_tier  # noqa: PLC0415 - is slow

    files, where = gather(paths), observation_tier(tier)
    report = open_store(store).ingest_files(files, tier=where, purpose=purpose)
    click.echo(report)
    if not report.files:
        sys.exit(BAD_INPUT)


@main.command()
@click.argument("content_hash")
@click.argument("misplaced", nargs=-1, metavar="")
@click.option("-o", "--output", type=_FILE, help="File to write; its own name by default.")
@store_option
def get(content_hash: str, misplaced: tuple[str, ...], output: Path | None, store: str) -> None:
    """Write the content with this hash to a file, verified.

    Any unique beginning of the hash with at least eight digits is enough.
    """
    if misplaced:
        raise click.UsageError(
            f"Unexpected {misplaced[0]!r}: one content at a time, and the file to write is named "
            f"after -o: astrid get {content_hash} -o FILE."
        )
    click.echo(open_existing_store(store).save(content_hash, output))


@main.command()
@click.argument("content_hash")
@click.option("--reason", required=True, help="Why, for whoever meets the exclusion later.")
@store_option
def exclude(content_hash: str, reason: str, store: str) -> None:
    """Leave a content out from now on; `astrid include` takes it back."""
    open_existing_store(store).exclude(content_hash, reason)
    click.echo(f"{content_hash} is left out from now on; astrid include takes that back")


@main.command()
@click.argument("content_hash")
@store_option
def include(content_hash: str, store: str) -> None:
    """Take an exclusion back."""
    open_existing_store(store).include(content_hash)
    click.echo(f"{content_hash} is used again")


@main.command()
@click.option("--retry-refused", is_flag=True, help="Try again what the store refused before.")
@store_option
def sync(*, retry_refused: bool, store: str) -> None:
    """Bring what was written while the store was away into the store."""
    brought = open_existing_store(store).sync(retry_refused=retry_refused)
    click.echo(f"brought into the store: {brought}" if brought else "nothing waits here")


main.add_command(audit)
main.add_command(catalog)
main.add_command(dataset)
main.add_command(delete)
main.add_command(find)
main.add_command(keys)
main.add_command(label)
main.add_command(mlflow)
main.add_command(pairs)
main.add_command(restore)
main.add_command(why)
main.add_command(impact)
main.add_command(serve)
