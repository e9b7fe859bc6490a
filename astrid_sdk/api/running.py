"""What ``astrid serve`` does: settings, application, log and server, until it is stopped."""

import dataclasses
import logging
import sys
from collections.abc import Callable
from contextlib import suppress

from astrid_sdk import observe
from astrid_sdk.api.application import create_app
from astrid_sdk.api.identity.store_access import authenticator_of
from astrid_sdk.api.serving import listening, require_safe_host, server_of
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.session import AstridSession


def settings_of(host: str | None, port: int | None) -> ApiSettings:
    """Return the environment's settings, with what the command line says.

    Raises
    ------
    InvalidInputError
        A value cannot be read, or the network would be listened to without any key.
    """
    given = {"host": host, "port": port}
    said = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(ApiSettings.from_environment(), **said)  # type: ignore[arg-type]


def run(session: AstridSession, settings: ApiSettings, announce: Callable[[], object]) -> int:
    """Serve until the process is told to stop; return its exit code.

    Parameters
    ----------
    session : AstridSession
        Closed at the end.
    settings : ApiSettings
    announce : callable
        Called when the port is listened to.

    Raises
    ------
    InvalidInputError
        The network would be listened to without any key, or the port is taken.
    """
    with session:
        authenticator = authenticator_of(session, settings)
        require_safe_host(settings, authenticator)
        with listening(settings) as sockets, suppress(KeyboardInterrupt):
            announce()
            observe.log_to(sys.stderr, level=logging.INFO)
            server = server_of(create_app(session, settings, authenticator), settings)
            server.run(sockets)
            return 0 if server.started else 1
    return 0
