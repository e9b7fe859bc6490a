"""``astrid why`` and ``astrid impact``: what a content was made from, and what came of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.stores import open_existing_store

if TYPE_CHECKING:  # importing it takes a second
    from astrid_sdk.catalog.lineage.graph import LineageGraph

_F = TypeVar("_F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.argument("content_hash"),
    click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON instead."),
    click.option("--prov", type=_FILE, metavar="FILE", help="Write it as W3C PROV-JSON, too."),
    click.option("--svg", type=_FILE, metavar="FILE", help="Write a picture, too."),
    store_option,
)


def _lineage_options(command: _F) -> _F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_lineage_options
def why(content_hash: str, store: str, **output: Any) -> None:
    """Say why a content exists, back to the raw files."""
    _show(open_existing_store(store).why(content_hash), **output)


@click.command()
@_lineage_options
def impact(content_hash: str, store: str, **output: Any) -> None:
    """Say what was made from a content, down to dataset versions."""
    _show(open_existing_store(store).impact(content_hash), **output)


def _show(graph: "LineageGraph", *, as_json: bool, prov: Path | None, svg: Path | None) -> None:
    if prov is not None:
        prov.write_text(json.dumps(graph.to_prov(), indent=1) + "\n", encoding="utf-8")
    if svg is not None:
        svg.write_text(graph.to_svg(), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(graph.to_json(), indent=1))
    else:
        click.echo(f"{graph.words()}\n\n{graph.tree()}")
