"""Time that passes only when it is slept through: tests that do not wait."""

import threading


class Clock:
    """A clock in seconds; `sleep` moves it on and notes how far."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds
