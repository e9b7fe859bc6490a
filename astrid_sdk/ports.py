"""Ports that servers of ours are to listen on."""

import errno
import socket

from astrid_sdk.errors import InvalidInputError


def require_free_port(host: str, port: int) -> None:
    """Refuse a port on which something listens already.

    Raises
    ------
    InvalidInputError
        ``kind="config"``: it is taken, or the address is none of this machine.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise cannot_listen(host, port, error) from error


def cannot_listen(host: str, port: int, error: OSError) -> InvalidInputError:
    """Return the error that says why, and what to do."""
    advice = f"({error.strerror}): give another --host or --port"
    if error.errno == errno.EADDRINUSE:
        advice = "because another program does: choose another --port"
    return InvalidInputError(f"cannot listen on {host}:{port} {advice}", kind="config")
