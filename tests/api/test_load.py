"""Many clients at once, on a store with faults: no wrong byte, ever."""

import dataclasses
import hashlib
import random
import threading
from collections import Counter
from pathlib import Path
from typing import TypeVar

import httpx
import numpy as np
from api.here import Here, session_on
from stores import local_store
from typing_extensions import override

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.operations import Fetched, Get, Operation
from astrid_sdk.testing.stores import SteppedStore, flip_bit

ResultT = TypeVar("ResultT")
CLIENTS = 64
TURNS = 4
FAULTS = 0.05
STATUSES = {200, 201, 206, 404, 502, 503}


class FaultyStore(SteppedStore):
    """Fails one operation in twenty, before or after it took effect, or damages what it reads."""

    def __init__(self, folder: Path) -> None:
        super().__init__(local_store(folder))
        self._random = random.Random(7)  # noqa: S311 - faults that come the same again
        self._lock = threading.Lock()
        self.faults = Counter[str]()
        self.share = 0.0

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        with self._lock:
            fault = self._random.random() < self.share
            kind = self._random.choice(("before", "after", "damage"))
        if not fault:
            return self.inner.perform(operation)
        self.faults[kind] += 1
        if kind == "before":
            raise StorageUnavailableError("gone for a moment", transient=True)
        result = self.inner.perform(operation)
        if kind == "after":
            raise StorageUnavailableError("the answer was lost", wrote=None, transient=True)
        if isinstance(operation, Get) and isinstance(result, Fetched) and operation.into is None:
            return dataclasses.replace(result, data=flip_bit(result.data))
        return result


def _client(url: str, contents: dict[str, bytes], number: int, seen: Counter[str]) -> None:
    """Download and upload in turn, and count what does not fit."""
    known = list(contents.items())
    with httpx.Client(base_url=url, timeout=120) as client:
        for turn in range(TURNS):
            content_hash, content = known[(number + turn) % len(known)]
            start = number * 1000
            headers = {"Range": f"bytes={start}-"} if number % 2 else {}
            expected = content[start:] if number % 2 else content
            try:
                got = client.get(f"/storage/download/{content_hash}", headers=headers)
            except httpx.RemoteProtocolError:  # broken off: it says so itself
                seen["broken off"] += 1
            else:
                seen[f"get {got.status_code}"] += 1
                seen["wrong"] += got.status_code in {200, 206} and got.content != expected
                seen["strange"] += got.status_code not in STATUSES
            new = f"{number} {turn}".encode() * 1000
            put = client.post("/storage/upload", content=new)
            seen[f"put {put.status_code}"] += 1
            if put.status_code in {200, 201}:
                seen["wrong"] += put.json()["content_hash"] != hashlib.sha256(new).hexdigest()
            seen["strange"] += put.status_code not in STATUSES


def test_sixty_four_clients_on_a_faulty_store_get_no_wrong_byte(tmp_path: Path) -> None:
    store = FaultyStore(tmp_path)
    random_bytes = np.random.default_rng(3)
    seen = Counter[str]()
    with Here(session_on(store, tmp_path), transfer_wait_s=120.0) as here:
        sizes = (100_000, 1_100_000, 5_000_000)
        contents = {here.put(content): content for content in map(random_bytes.bytes, sizes)}
        for content_hash in contents:
            here.client.get(f"/storage/download/{content_hash}")
        store.share = FAULTS
        given = [(here.url, contents, number, seen) for number in range(CLIENTS)]
        threads = [threading.Thread(target=_client, args=each) for each in given]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.share = 0.0
        for content_hash, content in contents.items():
            assert here.client.get(f"/storage/download/{content_hash}").content == content
        for number in range(CLIENTS):  # what was acknowledged can be read
            for turn in range(TURNS):
                here.put(f"{number} {turn}".encode() * 1000)
        assert list(here.service.uploads.iterdir()) == []
    assert store.faults.total() > 20
    assert (seen["wrong"], seen["strange"]) == (0, 0), seen
    assert seen["put 201"] > CLIENTS
    assert seen["get 200"] + seen["get 206"] > CLIENTS, seen
