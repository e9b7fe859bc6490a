"""What splits in a store promise: made once, sound to strangers, part of the lineage."""

from pathlib import Path

import pytest
from datasets.splits.auditing import audit
from datasets.splits.stored import Survey, survey
from stores import BUCKET, Bench, local_store

from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.catalog.steps.comparing import Verdict
from astrid_sdk.catalog.steps.deriving import Deriving
from astrid_sdk.datasets.splits.step import SPLIT_STEP
from astrid_sdk.errors import InvalidInputError

HALVES = {"train": 0.5, "test": 0.5}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def strangers(made: Survey, content_hash: str) -> list[str]:
    """Return what the audit that uses nothing of ours finds."""
    tables = made.bench.storage.table_location(BUCKET, "v2").uri
    split = made.stored(content_hash)
    return audit(tables, split, made.stored(split["manifest_hash"]))


@pytest.mark.parametrize("pattern", [False, True])
def test_an_independent_audit_of_the_tables_finds_nothing(bench: Bench, *, pattern: bool) -> None:
    made = survey(bench, pattern=pattern)
    split = made.split(HALVES, shared_steps=("pattern",) * pattern)
    assert strangers(made, split.content_hash) == []
    assert bool(split.held_out_conflict)
    assert bool(split.allowed) == pattern


def test_the_independent_audit_finds_what_is_wrong(bench: Bench) -> None:
    made = survey(bench)
    split = made.stored(made.split(HALVES, group_by="lineage").content_hash)
    (_, train), (_, test) = split["samples"]
    train.append(test.pop())
    tables = bench.storage.table_location(BUCKET, "v2").uri
    wrong = audit(tables, split, made.stored(split["manifest_hash"]))
    assert any(line.startswith("ancestor") for line in wrong)
    assert any("arcsec apart" in line for line in wrong)


def test_the_same_call_gives_the_stored_split(bench: Bench) -> None:
    made = survey(bench)
    first = made.split(HALVES, seed=3)
    again = Survey(Bench(bench.storage), made.files).split(HALVES, seed=3)
    assert again == first
    steps = [it.step for it in bench.catalog.derivations() if it.step == "dataset_split"]
    assert steps == ["dataset_split"]
    assert made.splits().read(first.content_hash) == first


def test_a_split_hangs_below_the_raw_frames_and_above_nothing(bench: Bench) -> None:
    made = survey(bench)
    split = made.split(HALVES)
    lineages = Lineages(bench.catalog, bench.derivations)
    raw = lineages.why(split.content_hash).raw()
    assert len(raw) == 8
    below = {node.content_hash for node in lineages.impact(raw[0].content_hash)}
    assert split.content_hash in below


def test_a_split_can_be_made_again_with_the_same_bytes(bench: Bench) -> None:
    made = survey(bench)
    split = made.split(HALVES)
    deriving = Deriving(bench.catalog, bench.derivations, bench.cas, [SPLIT_STEP])
    assert deriving.reproduce(split.content_hash).verdict == Verdict.IDENTICAL


def test_what_ties_everything_is_refused_each_time_with_its_name(bench: Bench) -> None:
    made = survey(bench, pattern=True)
    for _ in range(2):
        with pytest.raises(InvalidInputError, match=r"pattern\.frame@.*made by pattern") as caught:
            made.split(HALVES)
        assert caught.value.kind == "one_group"


def test_new_rows_of_the_catalogue_change_no_split(bench: Bench) -> None:
    made = survey(bench)
    first = made.split(HALVES)
    made.store(b"something else", "x.fits")
    assert made.split(HALVES) == first


def test_the_ancestry_of_many_is_what_why_says_of_each(bench: Bench) -> None:
    made = survey(bench, frames=3, stars=2, pattern=True)
    lineages = Lineages(bench.catalog, bench.derivations)
    hashes = [file.content_hash for file in made.files]
    graph = lineages.ancestry([*hashes, "f" * 64])
    assert "f" * 64 in graph.hashes
    above: dict[int, set[int]] = {}
    for child, parent in zip(graph.child.tolist(), graph.parent.tolist(), strict=True):
        above.setdefault(child, set()).add(parent)
    for content_hash in hashes:
        found, waiting = set[int](), [graph.hashes.index(content_hash)]
        while waiting:
            node = waiting.pop()
            found.add(node)
            waiting.extend(above.get(node, ()))
        names = {graph.hashes[node] for node in found if node < len(graph.hashes)}
        assert names == {node.content_hash for node in lineages.why(content_hash)}
    steps = dict(zip(graph.hashes, graph.steps, strict=True))
    assert {steps[it] for it in hashes} == {"detect"}
    assert steps["f" * 64] == ""
