"""``astrid keys``: who may use the REST service, and for what."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from astrid_sdk.cli.options import store_option
from astrid_sdk.cli.stores import open_existing_store, open_store

if TYPE_CHECKING:
    from astrid_sdk.api.identity.key_store import KeyStore
    from astrid_sdk.api.identity.keys import ApiKey
    from astrid_sdk.config import Secret
    from astrid_sdk.session import AstridSession

_SHOWN_ONCE = "this is the key; it is shown only now, so keep it where secrets are kept"
_expires_option = click.option(
    "--expires",
    default="",
    metavar="TIME",
    help="How long it holds, such as 12h, 90d or 4w.",
)


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Make and take back keys for the REST service.

    Once a store has had a key, its service answers nobody without one.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@keys.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    metavar="ROLE[:TIER]",
    help="reader, writer, curator or admin; each may do what those before it may. With a tier: "
    "there. Several are possible.",
)
@click.option(
    "--tier", "tiers", multiple=True, help="Where roles without a tier hold; else everywhere."
)
@_expires_option
@store_option
def create(
    name: str, roles: tuple[str, ...], tiers: tuple[str, ...], expires: str, store: str
) -> None:
    """Make a key for NAME, a person or a program.

    The key alone goes to standard output. The store keeps only its hash, so nobody can show it
    again.
    """
    from astrid_sdk.api.identity.keys import lifetime_of  # noqa: PLC0415 - --help needs none of it
    from astrid_sdk.api.identity.roles import roles_of  # noqa: PLC0415

    given = roles_of(roles, tiers)
    lifetime = lifetime_of(expires) if expires else None
    session = open_store(store)
    session.prepare()
    _show_once(*_keys_of(session).create(name, given, lifetime))


@keys.command("list")
@store_option
def list_keys(store: str) -> None:
    """Show all keys: what each may do, and whether it counts. Not the keys themselves."""
    found = _keys_of(open_existing_store(store))
    now = found.now()
    listed = found.list()
    for key in listed:
        click.echo(_line(key, now))
    if not listed:
        click.echo("no keys: the service answers its own machine only", err=True)


@keys.command()
@click.argument("key_id", metavar="ID")
@_expires_option
@store_option
def rotate(key_id: str, expires: str, store: str) -> None:
    """Give a key another secret; the one before stops to count.

    It holds as long from now on as it was made for, unless --expires says otherwise.
    """
    from astrid_sdk.api.identity.keys import lifetime_of  # noqa: PLC0415 - as in create

    lifetime = lifetime_of(expires) if expires else None
    _show_once(*_keys_of(open_existing_store(store)).rotate(key_id, lifetime))


@keys.command()
@click.argument("key_id", metavar="ID")
@store_option
def revoke(key_id: str, store: str) -> None:
    """Take a key back, for good; services that run refuse it within seconds."""
    key = _keys_of(open_existing_store(store)).revoke(key_id)
    click.echo(f"{key.key_id} ({key.name}) is revoked")


def _keys_of(session: "AstridSession") -> "KeyStore":
    from astrid_sdk.api.identity.key_store import KeyStore  # noqa: PLC0415 - as in create

    return KeyStore.of(session)


def _show_once(key: "ApiKey", token: "Secret") -> None:
    until = "it is revoked" if key.expires_at is None else _day(key.expires_at)
    click.echo(f"{key.key_id} ({key.name}) holds until {until}; {_SHOWN_ONCE}", err=True)
    click.echo(token.reveal())


def _line(key: "ApiKey", now: datetime) -> str:
    from astrid_sdk.api.identity.roles import words_of  # noqa: PLC0415 - as in create

    until = "" if key.expires_at is None else f"  until {_day(key.expires_at)}"
    state = key.state(now)
    return f"{key.key_id}  {state:<7}  {key.name}  {words_of(key.roles)}{until}"


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
