"""``astrid catalog``: upkeep of the index over what is stored."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.stores import open_existing_store
from astrid_sdk.rendering import human_bytes

if TYPE_CHECKING:  # pyarrow takes a moment to import, and --help shows no status
    from astrid_sdk.catalog.tables import CatalogStatus


@click.group(invoke_without_command=True)
@click.pass_context
def catalog(context: click.Context) -> None:
    """Look after the catalogue: an index that can always be made again."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@catalog.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON instead.")
@store_option
@click.pass_context
def status(context: click.Context, store: str, *, as_json: bool) -> None:
    """Show how large the tables are, and whether they lack anything.

    Ends with code 1 where a table is damaged.
    """
    found = open_existing_store(store).catalog.status()
    if as_json:
        click.echo(json.dumps({**asdict(found), "is_damaged": found.is_damaged}, indent=1))
    else:
        _show(found)
    context.exit(1 if found.is_damaged else 0)


@catalog.command()
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0.0),
    default=7.0,
    show_default=True,
    help="Delete files that were replaced longer ago than that.",
)
@store_option
def compact(keep_days: float, store: str) -> None:
    """Put the tables in order, into few files, and delete old ones."""
    _show(open_existing_store(store).catalog.compact(keep_days=keep_days))


@catalog.command()
@store_option
def rebuild(store: str) -> None:
    """Make the tables again from the records, also damaged ones.

    No stored file is read: rows say what the records say.
    """
    _show(open_existing_store(store).catalog.rebuild())


def _show(status: "CatalogStatus") -> None:
    for line in _lines(status):
        click.echo(line)


def _lines(status: "CatalogStatus") -> Iterator[str]:
    for table in status.tables:
        if table.trouble:
            yield f"{table.name}: damaged: {table.trouble}"
            continue
        size = human_bytes(table.size_bytes)
        yield f"{table.name}: {table.rows} rows in {table.files} files, {size}"
    missing = 0 if status.is_damaged else status.packs - status.indexed_packs
    lacking = f", {missing} not indexed yet: the next search does that" if missing else ""
    yield f"{status.packs} record packs{lacking}"
