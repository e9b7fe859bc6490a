"""Ports that servers of ours are to listen on."""

import socket

from astrid_sdk.errors import InvalidInputError


def require_free_port(host: str, port: int) -> None:
    """Refuse a port on which something listens already.

    Raises
    ------
    InvalidInputError
        It is taken, or the address is none of this machine.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise InvalidInputError(
            f"cannot listen on {host}:{port} ({error.strerror}): give another --port"
        ) from error
