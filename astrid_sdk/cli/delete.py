"""``astrid delete`` and ``astrid restore``: a content found no more, and found again."""

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.stores import open_existing_store


@click.command()
@click.argument("content_hash")
@click.option("--reason", required=True, help="Why, for whoever meets the deletion later.")
@click.option("--tier", default=None, help="Only in this tier; everywhere without it.")
@click.option("--force", is_flag=True, help="Even when dataset versions or models need it.")
@store_option
def delete(content_hash: str, reason: str, tier: str | None, store: str, *, force: bool) -> None:
    """Delete a content; `astrid restore` takes it back.

    It is not found any more. Its bytes stay until they are swept.
    """
    session = open_existing_store(store)
    done = session.delete(content_hash, tier=tier, reason=reason, force=force)
    click.echo(f"{done.name}@{done.content_hash[:8]} is deleted from {', '.join(done.tiers)}")
    for needed in done.needed_by:
        click.echo(f"still needed by {needed}", err=True)


@click.command()
@click.argument("content_hash")
@store_option
def restore(content_hash: str, store: str) -> None:
    """Take all deletions of a content back."""
    tiers = open_existing_store(store).restore(content_hash)
    click.echo(f"{content_hash} is found again in {', '.join(tiers)}")
