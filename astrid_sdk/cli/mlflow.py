"""``astrid mlflow``: MLflow's UI on the runs of a store."""

import os
from typing import NoReturn

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.program import heed_interrupts
from astrid_sdk.cli.stores import open_existing_store
from astrid_sdk.ports import require_free_port


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=5000,
    show_default=True,
    help="Port to listen on.",
)
@store_option
def mlflow(host: str, port: int, store: str) -> NoReturn:
    """Start MLflow's UI on the store's runs and models; Ctrl-C stops it."""
    start = open_existing_store(store).mlflow_server(host, port)
    require_free_port(host, port)
    click.echo(f"MLflow UI: http://{host}:{port}  (Ctrl-C stops it)")
    # this process turns into the server, so that signals reach what they stop
    heed_interrupts()
    os.execve(start.command[0], start.command, dict(start.environment))  # noqa: S606 - as is meant
