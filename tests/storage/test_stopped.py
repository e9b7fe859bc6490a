"""What was stored when somebody pressed Ctrl-C stays stored, with its record."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from stores import Bench, local_store
from typing_extensions import override

from astrid_sdk.storage.operations import Operation, Outcome, Put
from astrid_sdk.storage.wrapping import WrapperStorage
from astrid_sdk.tiers import Tier

TIER = Tier.RAW_OBSERVATIONS
ResultT = TypeVar("ResultT")


class StoppedByHand(WrapperStorage):
    """Hands on so many written blobs, and then somebody presses Ctrl-C once."""

    left = 4

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        for outcome in self.inner.perform_many(operations):
            asked = outcome.operation
            if isinstance(asked, Put) and asked.key.startswith(TIER.value):
                self.left -= 1
                if self.left == -1:
                    raise KeyboardInterrupt
            yield outcome


def test_what_was_stored_before_ctrl_c_has_its_record(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    paths = [tmp_path / "night" / f"{number}.txt" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_text(f"frame {number}")
    bench = Bench(StoppedByHand(local_store(tmp_path / "store")))

    with pytest.raises(KeyboardInterrupt):
        bench.cas.store_files(paths, "text/plain", tier=TIER)
    kept = bench.catalog.contents()["content_hash"].to_pylist()
    assert len(kept) == 4
    assert {bench.cas.retrieve_data(each) for each in kept} < {p.read_bytes() for p in paths}

    report = bench.cas.store_files(paths, "text/plain", tier=TIER)
    assert {file.content_hash for file in report.stored if not file.is_new} >= set(kept)
    assert len(bench.catalog.contents()) == 20
