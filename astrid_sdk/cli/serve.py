"""``astrid serve``: the REST service on a store."""

import sys

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.stores import missing_store, open_store


@click.command()
@click.option("--host", default=None, help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=None,
    help="Port to listen on.  [default: 8000]",
)
@store_option
def serve(host: str | None, port: int | None, store: str) -> None:
    """Serve the store to other tools over HTTP; Ctrl-C stops it.

    Without API keys it listens on this machine only. Limits are set by ASTRID_API_* variables.
    """
    from astrid_sdk.api.running import run, settings_of  # noqa: PLC0415 - FastAPI takes a second

    settings = settings_of(host, port)
    missing = missing_store(store)
    made = f"\nthere was no store yet: a new one is in folder {missing}" if missing else ""
    session = open_store(store)
    session.prepare()
    told = f"Astrid REST service: http://{settings.host}:{settings.port}  (Ctrl-C stops it){made}"
    sys.exit(run(session, settings, lambda: click.echo(told)))
