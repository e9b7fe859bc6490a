"""``astrid dataset``: named, numbered sets of what is stored."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.stores import open_existing_store, open_store
from astrid_sdk.errors import InvalidInputError

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_LEAKS = 1
_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON instead.")
_SAID = (
    click.option("--description", help="What it is."),
    click.option("--licence", help="An SPDX expression, such as CC-BY-4.0."),
    click.option("--creator", "creators", multiple=True, help="Whom to cite; give several."),
    click.option("--how", help="How it is made."),
    click.option("--detail", "details", multiple=True, metavar="NAME=TEXT", help="What else."),
    store_option,
)


def _said(command: Any) -> Any:
    for option in reversed(_SAID):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@click.pass_context
def dataset(context: click.Context) -> None:
    """Name sets of contents and number their versions; each can be had back, byte for byte.

    A version is called sn-train@v2, sn-train@TAG, or sn-train for the newest.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    context.with_resource(_notes())


@contextmanager
def _notes() -> Iterator[None]:
    """Show what the datasets say in the log: it is meant for whoever called."""
    logger, handler = logging.getLogger("astrid_sdk.datasets"), logging.StreamHandler(sys.stderr)
    level = logger.level
    handler.setFormatter(logging.Formatter("astrid: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@dataset.command("list")
@click.argument("dataset_id", required=False)
@store_option
def list_(dataset_id: str | None, store: str) -> None:
    """List the datasets, or the versions of one."""
    datasets = open_existing_store(store).datasets
    table = datasets.list() if dataset_id is None else datasets.list(dataset_id)
    click.echo(
        "\n".join(table.lines())
        if table
        else "no datasets"
        if dataset_id is None
        else f"dataset {dataset_id} has no version"
    )


@dataset.command()
@click.argument("name")
@_JSON
@store_option
def show(name: str, store: str, *, as_json: bool) -> None:
    """Show what is said of a dataset, a version, and the files in it."""
    datasets = open_existing_store(store).datasets
    version = datasets.get(name)
    manifest = datasets.manifest(version)
    if as_json:
        click.echo(json.dumps(manifest.to_json(), indent=1))
        return
    from astrid_sdk.cli.dataset_listing import version_lines  # noqa: PLC0415 - pyarrow

    for line in version_lines(datasets.information(version.dataset_id), version, manifest):
        click.echo(line)


@dataset.command()
@click.argument("dataset_id")
@_said
def create(dataset_id: str, store: str, **said: Any) -> None:
    """Name a new dataset, and say what it is."""
    click.echo(repr(open_store(store).datasets.create(dataset_id, **_changes(said))))


@dataset.command()
@click.argument("dataset_id")
@_said
def describe(dataset_id: str, store: str, **said: Any) -> None:
    """Say something else of a dataset; what was said before is kept.

    NAME= without a text takes a detail out.
    """
    datasets = open_existing_store(store).datasets
    click.echo(repr(datasets.describe(dataset_id, **_changes(said))))


@dataset.command()
@click.argument("dataset_id")
@click.argument("folder", required=False, type=_FOLDER)
@click.option("-m", "--message", default="", help="What is new in it.")
@click.option("--parent", "parents", multiple=True, help="What it was made from, as sn-all@v3.")
@store_option
def version(
    dataset_id: str, folder: Path | None, message: str, parents: tuple[str, ...], store: str
) -> None:
    """Make the next version of a dataset, from a folder or as people label it now.

    Without FOLDER: the files of the newest version again, with the labels of today; the first time
    every labelled triplet of the store. Nothing new is no new version.
    """
    session = open_existing_store(store) if folder is None else open_store(store)
    made = session.datasets.version(dataset_id, folder, message=message, parents=parents or None)
    click.echo(f"{made}: {made.name}")


@dataset.command()
@click.argument("name")
@click.argument("folder", type=_FOLDER)
@click.option("--prune", is_flag=True, help="Remove what another version left in the folder.")
@store_option
def checkout(name: str, folder: Path, store: str, *, prune: bool) -> None:
    """Write a version into a folder, verified; only what is missing is fetched.

    A file of yours that stands in the way is set aside under another name, never lost.
    """
    made = open_existing_store(store).datasets.checkout(name, folder, prune=prune)
    counts = ", ".join(f"{count:,} {state}" for state, count in made.counts.items())
    click.echo(f"{made.version.name} in {made.folder}: {counts or 'no files'}")
    for state in ("set aside", "left over"):
        for path in made.of_state(state):
            click.echo(f"  {state}: {path}")


@dataset.command()
@click.argument("before")
@click.argument("after", required=False)
@click.option("--svg", type=_FILE, metavar="FILE", help="Write a picture, too.")
@_JSON
@store_option
def diff(before: str, after: str | None, store: str, svg: Path | None, *, as_json: bool) -> None:
    """Say what changed between two versions: files, labels, pixels, sky, filters, classes.

    With one name: from the version before it.
    """
    found = open_existing_store(store).datasets.diff(before, after)
    if svg is not None:
        svg.write_text(found.to_svg(), encoding="utf-8")
    click.echo(json.dumps(found.to_json(), indent=1) if as_json else found.to_text())


@dataset.command()
@click.argument("name")
@click.argument("tag_name", metavar="TAG", required=False)
@store_option
def tag(name: str, tag_name: str | None, store: str) -> None:
    """Give a version a name, such as submitted; without TAG: list those of a dataset."""
    datasets = open_existing_store(store).datasets
    if tag_name is not None:
        click.echo(datasets.tag(name, tag_name))
        return
    tags = datasets.tags(name)
    click.echo("\n".join(tags.lines()) if tags else f"dataset {name} has no tag")


@dataset.command()
@click.argument("name")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("files", "parquet"),
    show_default=True,
    help="files, parquet, fits, tensors, numpy or hats; give several.",
)
@store_option
def export(name: str, folder: Path, formats: tuple[str, ...], store: str) -> None:
    """Write a version as a folder that stands alone, is checked by sha256sum and can be cited."""
    click.echo(repr(open_existing_store(store).datasets.export(name, folder, formats=formats)))


@dataset.command()
@click.argument("name")
@click.argument("more", nargs=-1, metavar="")
@click.option(
    "--fraction",
    "fractions",
    multiple=True,
    metavar="SIDE=SHARE",
    help="Such as train=0.8; by default train, validation and test have 0.8, 0.1 and 0.1.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another one splits anew.")
@click.option("--radius", "radius_arcsec", type=float, help="Arc seconds; 10 by default.")
@click.option("--shared-step", "shared_steps", multiple=True, help="May be behind several sides.")
@click.option("--csv", "csv_path", type=_FILE, metavar="FILE", help="Write content_hash and side.")
@store_option
def split(  # noqa: PLR0913 - its rules
    name: str,
    more: tuple[str, ...],
    fractions: tuple[str, ...],
    store: str,
    *,
    seed: int,
    radius_arcsec: float | None,
    shared_steps: tuple[str, ...],
    csv_path: Path | None,
) -> None:
    """Split a version so that no two sides share an ancestor, an exposure or a place."""
    if more:
        meant = " ".join(f"--fraction {text}" for text in more)
        raise click.UsageError(f"say how much goes to a side with {meant}")
    rules: dict[str, Any] = {"seed": seed, "shared_steps": shared_steps}
    if radius_arcsec is not None:
        rules["radius_arcsec"] = radius_arcsec
    if fractions:
        rules["fractions"] = {side: _share(share) for side, share in map(_pair, fractions)}
    made = open_existing_store(store).datasets.split(name, **rules)
    if csv_path is not None:
        made.to_pandas().to_csv(csv_path, index=False)
    click.echo(repr(made))


@dataset.command()
@click.argument("csv_path", type=_FILE, metavar="FILE")
@click.option("--radius", "radius_arcsec", type=float, help="Arc seconds; 10 by default.")
@click.option("--no-pixels", is_flag=True, help="Do not read the samples to look for copies.")
@store_option
def leaks(csv_path: Path, radius_arcsec: float | None, store: str, *, no_pixels: bool) -> None:
    """Say what leaks between the sides of a split: FILE is CSV with content_hash and side.

    Exit code 1 where something does.
    """
    datasets = open_existing_store(store).datasets
    report = datasets.leakage_report(csv_path, radius_arcsec=radius_arcsec, pixels=not no_pixels)
    click.echo(report.to_text())
    if not report.passed:
        sys.exit(_LEAKS)


def _changes(said: dict[str, Any]) -> dict[str, Any]:
    details = {name: text or None for name, text in map(_pair, said.pop("details"))}
    given = {name: value for name, value in said.items() if value not in (None, ())}
    return {**given, **details}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidInputError(f"give NAME=VALUE, not {text!r}")
    return name.strip(), value.strip()


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInputError(f"{text!r} is no share: give a number such as 0.8") from None
