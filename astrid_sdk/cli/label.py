"""``astrid label``: say what a cutout shows."""

from pathlib import Path

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.stores import open_existing_store
from astrid_sdk.errors import InvalidInputError

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("content_hash", required=False)
@click.argument("value", required=False)
@click.option(
    "--csv",
    "csv_path",
    type=_FILE,
    metavar="FILE",
    help="Labels of many: columns content_hash or detection_id, label, and, where wanted, author, "
    "question, comment, time.",
)
@click.option("--take-back", is_flag=True, help="Take your own label back.")
@click.option("--question", default="real_bogus", show_default=True, help="What is answered.")
@click.option("--author", help="Who says so; by default the login name.")
@click.option("--comment", default="", help="Why, in words; of one label.")
@click.option("--skip-bad", is_flag=True, help="With --csv: record the other lines.")
@store_option
def label(  # noqa: PLR0913 - one per option
    content_hash: str | None,
    value: str | None,
    csv_path: Path | None,
    store: str,
    *,
    take_back: bool,
    question: str,
    author: str | None,
    comment: str,
    skip_bad: bool,
) -> None:
    """Say what a cutout shows; every label is kept, with who said it and when.

    Without a value: list what was said of the content.
    """
    if (csv_path is None) == (content_hash is None):
        raise InvalidInputError("give a content hash and a value, or --csv FILE")
    if take_back and (value is not None or csv_path is not None):
        raise InvalidInputError("--take-back takes a content hash, and neither a value nor --csv")
    labels = open_existing_store(store).labels
    if csv_path is not None:
        click.echo(labels.read_csv(csv_path, question=question, author=author, skip_bad=skip_bad))
    elif value is None and not take_back:
        click.echo(repr(labels.of(str(content_hash))))
    else:
        subject = str(content_hash)
        said = labels.add(subject, value, question=question, author=author, comment=comment)
        click.echo(repr(said))
