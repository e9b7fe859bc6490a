"""A port that a server of ours is to listen on is free, or refused in words."""

import socket

import pytest

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.ports import require_free_port

FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_refused_and_another_is_not(host: str) -> None:
    with socket.socket(FAMILIES[host], socket.SOCK_STREAM) as taken:
        try:
            taken.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInputError, match=f"{port}.*--port"):
            require_free_port(host, port)
    require_free_port(host, port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot listen on"):
        require_free_port("192.0.2.1", 8000)
