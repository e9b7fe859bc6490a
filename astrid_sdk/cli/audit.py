"""``astrid audit``: who changed what in the store, and whether that telling was changed."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from astrid_sdk.cli.options import limit_option, store_option
from astrid_sdk.cli.stores import open_existing_store
from astrid_sdk.rendering import counted

if TYPE_CHECKING:  # importing it takes a moment, and --help shows no event
    from astrid_sdk.storage.audit.events import AuditEvent
    from astrid_sdk.storage.audit.verifying import Verification, WriterReport

_DAMAGED = 1


@click.group(invoke_without_command=True)
@click.pass_context
def audit(context: click.Context) -> None:
    """See who changed what, and prove that nobody changed the telling of it."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON instead.")
@store_option
@click.pass_context
def verify(context: click.Context, store: str, *, as_json: bool) -> None:
    """Check every writer's chain, and what writers saw of each other.

    Ends with code 1 where something was edited, lost, put in another order, cut off or written
    anew. A cut at the very end is found as far as another writer has seen: each line says how far.
    """
    found = open_existing_store(store).audit.verify()
    if as_json:
        click.echo(json.dumps({**asdict(found), "is_sound": found.is_sound}, indent=1))
    else:
        for line in _lines(found):
            click.echo(line)
    context.exit(0 if found.is_sound else _DAMAGED)


@audit.command()
@click.option("--hash", "content_hash", default="", metavar="HASH", help="Of this content.")
@click.option("--key", default="", help="Of keys that begin so.")
@click.option("--who", default="", help="By this person or key.")
@click.option("--after", type=click.DateTime(), help="Since then, UTC.")
@click.option("--before", type=click.DateTime(), help="Until then, UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON per event instead.")
@limit_option
@store_option
def show(  # noqa: PLR0913 - one for each option
    content_hash: str,
    key: str,
    who: str,
    after: datetime | None,
    before: datetime | None,
    limit: int,
    store: str,
    *,
    as_json: bool,
) -> None:
    """Show what was changed, newest last."""
    events = open_existing_store(store).audit.events(
        content_hash=content_hash, key=key, who=who, after=after, before=before
    )
    shown = events[-limit:] if limit else events
    if len(shown) < len(events):
        click.echo(f"the last {len(shown)} of {len(events)}: --limit 0 shows all", err=True)
    for event in shown:
        click.echo(json.dumps(event.as_fields()) if as_json else _told(event))


@audit.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "csv"]),
    default="ndjson",
    show_default=True,
    help="A line of JSON per event, or a table.",
)
@store_option
def export(path: Path, form: str, store: str) -> None:
    """Write all events to a new file."""
    count = open_existing_store(store).audit.export(path, form)
    click.echo(f"{path}: {counted(count, 'event')}")


def _lines(found: "Verification") -> Iterator[str]:
    for writer in found.writers:
        yield f"{writer.writer}: {_state(writer)}"
    for key in found.strangers:
        yield f"{key}: no audit writes such a key"
    operations = sum(writer.operations for writer in found.writers)
    state = "nothing was tampered with" if found.is_sound else "NOT AS IT WAS WRITTEN"
    changes, writers = counted(operations, "change"), counted(len(found.writers), "writer")
    yield f"{changes} by {writers}: {state}"


def _state(writer: "WriterReport") -> str:
    changes, lines = counted(writer.operations, "change"), counted(writer.lines, "line")
    told = f"{changes}, {lines} in {counted(writer.segments, 'segment')}"
    if writer.problem:
        return f"{told}: {writer.problem}"
    behind = writer.last - writer.anchored
    last = "line" if behind == 1 else f"{behind:,} lines"
    seen = f", the last {last} not seen by others yet" if behind else ", seen by others"
    return told + seen


def _told(event: "AuditEvent") -> str:
    about = event.key or event.content_hash
    more = f" ({event.detail})" if event.detail else ""
    when = event.at.isoformat(sep=" ", timespec="seconds")
    return f"{when}  {event.who} by {event.face}  {event.verb} {about}{more}: {event.outcome}"
