"""How long an exchange may take, and what is said when there was no whole answer."""

import dataclasses
import ssl

from astrid_sdk.storage.http_connection import Connection
from astrid_sdk.storage.http_message import BadAnswerError


@dataclasses.dataclass(frozen=True, slots=True)
class Timeouts:
    """How long an exchange may take.

    Parameters
    ----------
    connect_s : float
        Until the connection is established.
    idle_s : float
        Without any byte in either direction.
    answer_s : float
        In all, for an exchange without content; content adds to it at `least_bytes_per_s`, so
        that a server that drips cannot hold a caller.
    least_bytes_per_s : float
    """

    connect_s: float = 5.0
    idle_s: float = 30.0
    answer_s: float = 60.0
    least_bytes_per_s: float = 64 << 10

    def allowed_s(self, moved_bytes: int) -> float:
        """Return how long an exchange may have taken that has moved so much, in seconds."""
        return self.answer_s + moved_bytes / self.least_bytes_per_s


class TransportError(Exception):
    """There was no whole answer. Raised into the plan that waits for one.

    Parameters
    ----------
    kind : str
        ``unreachable``, ``timeout``, ``incomplete_body``, ``tls`` or ``unreadable_answer``.
    seen : str
        What was noticed, for the message.

    Attributes
    ----------
    is_unsent : bool
        Whether surely nothing of the plan, this request or one before it, was sent.
    """

    def __init__(self, kind: str, seen: str) -> None:
        super().__init__(kind, seen)
        self.kind = kind
        self.seen = seen
        self.is_unsent = False


def transport_error(
    error: OSError | BadAnswerError, connection: Connection | None
) -> TransportError:
    """Return what is thrown into a plan for an error of a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError("tls", error.verify_message)
    if isinstance(error, ssl.SSLError):
        return TransportError("tls", error.reason or "TLS failed")
    if isinstance(error, BadAnswerError):
        kind = "incomplete_body" if "closed" in str(error) else "unreadable_answer"
        return TransportError(kind, str(error))
    if connection is None or not connection.is_ready:
        return TransportError("unreachable", error.strerror or type(error).__name__)
    return TransportError("incomplete_body", error.strerror or type(error).__name__)
