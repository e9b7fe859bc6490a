"""Large bodies pass through at constant memory, both ways."""

import hashlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from api.serving_process import Process, serving
from typing_extensions import override

MIB = 1 << 20
SIZE = 512 * MIB
MOST_GROWTH = 64 * MIB
BLOCK = bytes(range(256)) * 4096


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    with serving(tmp_path / "store") as running:
        yield running


class Watch(threading.Thread):
    """Notes the most memory that a process has."""

    def __init__(self, process: Process) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self._process = process
        self._over = threading.Event()

    @override
    def run(self) -> None:
        while not self._over.wait(0.01):
            self.most = max(self.most, self._process.resident_bytes())

    def end(self) -> int:
        self._over.set()
        self.join()
        return self.most


def _blocks() -> Iterator[bytes]:
    for number in range(SIZE // MIB):
        yield number.to_bytes(8, "big") + BLOCK[8:]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_half_a_gibibyte_up_and_down_takes_little_memory(process: Process) -> None:
    client = httpx.Client(base_url=process.url, timeout=300)
    warm = client.post("/storage/upload", content=BLOCK * 40)  # everything is imported once
    client.get(f"/storage/download/{warm.json()['content_hash']}")
    before = process.resident_bytes()
    watch = Watch(process)
    watch.start()
    digest = hashlib.sha256()
    for block in _blocks():
        digest.update(block)
    sent = client.post("/storage/upload", content=_blocks())
    assert sent.status_code == 201
    assert sent.json()["content_hash"] == digest.hexdigest()
    up = watch.end() - before
    watch = Watch(process)
    watch.start()
    got = hashlib.sha256()
    with client.stream("GET", f"/storage/download/{digest.hexdigest()}") as answer:
        for piece in answer.iter_bytes():
            got.update(piece)
    down = watch.end() - before
    client.close()
    assert got.digest() == digest.digest()
    assert up < MOST_GROWTH, f"{up / MIB:.0f} MiB"
    assert down < MOST_GROWTH, f"{down / MIB:.0f} MiB"
