"""What the service counts, as Prometheus asks for it at ``/metrics``."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from astrid_sdk.observe import Event

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """The counts of one service, in a registry of its own.

    Parameters
    ----------
    pending : callable
        Returns how many writes wait for the store.
    """

    def __init__(self, pending: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "astrid_http_requests", "Requests", ("operation", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "astrid_http_request_seconds",
            "How long requests took",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        moved = Counter(
            "astrid_http_bytes", "Bytes of bodies", ("direction",), registry=self.registry
        )
        self._received, self._sent = moved.labels("in"), moved.labels("out")
        self._damaged = Counter(
            "astrid_corruptions",
            "Contents that were damaged, not handed out",
            registry=self.registry,
        )
        self._storage = Counter(
            "astrid_storage_operations", "Tries", ("verb", "outcome"), registry=self.registry
        )
        waiting = Gauge(
            "astrid_pending_writes", "Writes that wait for the store", registry=self.registry
        )
        waiting.set_function(pending)

    def answered(
        self, operation: str, status: int, duration_s: float, *, received: int, sent: int
    ) -> None:
        """Count a request that was answered; `operation` is a route, never a path."""
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(duration_s)
        self._received.inc(received)
        self._sent.inc(sent)

    def damaged(self) -> None:
        """Count a content that could not be handed out because its bytes are others."""
        self._damaged.inc()

    def heard(self, event: Event) -> None:
        """Count a try of a storage operation."""
        self._storage.labels(event.verb, event.outcome).inc()

    def exposed(self) -> bytes:
        """Return all counts in the text format."""
        return generate_latest(self.registry)
