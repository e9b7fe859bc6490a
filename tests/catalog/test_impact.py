"""What the question impact promises."""

from pathlib import Path

import pytest
from catalog.lineages import (
    JOIN,
    LIST,
    SPLIT,
    impact,
    join,
    join_roles,
    lineages,
    names,
    raw,
    registry,
)
from catalog.synthetic import commit, commit_circle, content, made
from stores import Bench, local_store

from astrid_sdk.catalog.lineage.lineages import BOOKKEEPING
from astrid_sdk.catalog.lineage.values import NodeKind
from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.errors import NotFoundError
from astrid_sdk.pipeline.steps import collect


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def version(bench: Bench, dataset_id: str, *hashes: str) -> None:
    files = [DatasetFile(each, f"{each}.txt", "artifacts", "text") for each in hashes]
    registry(bench).commit(DatasetManifest(dataset_id, files), "")


def test_it_goes_down_to_everything_made_from_it(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    both = join(bench, [a, b], "both")
    join(bench, [both], "more", tail="!")
    join(bench, [b], "other", tail="?")
    assert names(impact(bench, a)) == ["a.raw", "both.txt", "more.txt"]


def test_it_names_the_dataset_versions_a_raw_file_is_behind(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    made_of_a, made_of_b = join(bench, [a], "x", tail="!"), join(bench, [b], "y", tail="!")
    version(bench, "sn-train", made_of_a)
    version(bench, "sn-train", made_of_a, made_of_b)
    version(bench, "others", made_of_b)
    version(bench, "sn-train", made_of_a)  # as the first was
    told = impact(bench, a)
    assert told.dataset_versions() == ["sn-train v1", "sn-train v2", "sn-train v3"]
    assert {node.kind for node in told if node.tier == "datasets"} == {NodeKind.DATASET_VERSION}
    assert "It is behind the dataset versions sn-train v1, sn-train v2" in told.words()
    assert "sn-train v2" in str(told)
    assert impact(bench, made_of_b).dataset_versions() == ["others v1", "sn-train v2"]


def test_a_content_nobody_used_says_so(bench: Bench) -> None:
    told = impact(bench, raw(bench, b"a"))
    assert names(told) == ["a.raw"]
    assert "Nothing was made from it." in told.words()


def test_the_lists_of_assets_are_folded_and_counted(bench: Bench) -> None:
    a = raw(bench, b"a")
    made_of_a = join(bench, [a], "made", tail="!")
    bench.derivations.derive(LIST, {"items": [a]}, {}, name="raw")
    bench.derivations.derive(LIST, {"items": [made_of_a]}, {}, name="processed")
    told = impact(bench, a)
    assert (names(told), told.folded) == (["a.raw", "made.txt"], 2)
    assert "2 lists kept by assets are not shown" in str(told)
    full = impact(bench, a, bookkeeping=True)
    assert (len(full), full.folded) == (4, 0)


def test_the_steps_that_fold_are_those_of_the_chain() -> None:
    assert {collect.STEP.name} == BOOKKEEPING


def test_an_excluded_root_says_that_it_was_used_all_the_same(bench: Bench) -> None:
    a = raw(bench, b"a")
    join(bench, [a], "made", tail="!")
    say_excluded(bench.records, find_one(bench.catalog, a), "trailed")
    told = impact(bench, a)
    assert "EXCLUDED: trailed" in str(told)
    words = "It is excluded (trailed); what is listed was made with it all the same."
    assert words in told.words()


def test_a_refusal_is_told_once_the_catalogue_knows_it(bench: Bench) -> None:
    bad = raw(bench, b"bad")
    bench.derivations.derive(JOIN, {"text": [bad]}, {}, name="made")
    bench.catalog.derivations()
    told = impact(bench, bad)
    assert "refused by join: a part is bad: mend it" in str(told)
    assert "join refused it: a part is bad: mend it." in told.words()
    assert told.edges == ()


def test_what_was_used_twice_is_one_edge_of_both_roles(bench: Bench) -> None:
    a = raw(bench, b"a")
    join_roles(bench, {"science": [a], "reference": [a]}, "made", tail="!")
    (edge,) = impact(bench, a).edges
    assert edge.role == "reference, science"


def test_a_file_that_was_ingested_is_no_result(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"a!")
    assert join(bench, [a], "same", tail="!") == b  # its bytes were there before
    assert names(impact(bench, a)) == ["a.raw"]


def test_a_wide_impact_is_shown_in_bounds_and_counted(bench: Bench) -> None:
    parts = [f"p{number}" for number in range(3_000)]
    commit(bench, [made({"text": ["a"]}, parts, "split")], ["a"])
    told = impact(bench, content("a"))
    shown = told._repr_mimebundle_()
    assert len(told) == 3_001
    assert "└─ … and 2970 more" in str(told)
    assert len(str(told).splitlines()) < 50
    assert "and 2961 more contents" in shown["text/html"]
    assert len(shown["text/html"]) < 60_000
    assert "made from it, directly or further on: 3000 in artifacts." in told.words()


def test_the_number_of_a_steps_outputs_is_no_limit(bench: Bench) -> None:
    a = raw(bench, b"a")
    bench.derivations.derive(SPLIT, {"text": [a]}, {"parts": 60}, name="a")
    assert len(impact(bench, a).tree(None).splitlines()) == 61


def test_clocks_that_disagree_make_no_endless_walk(bench: Bench) -> None:
    a, b = commit_circle(bench)
    told = impact(bench, a)
    assert {node.content_hash for node in told} == {a, b}
    assert str(told)
    assert told.to_svg()


def test_it_sees_what_was_made_a_moment_ago_elsewhere(tmp_path: Path) -> None:
    store = local_store(tmp_path / "store")
    bench, other = Bench(store), Bench(store)
    asked, a = lineages(bench), raw(bench, b"a")
    assert len(asked.impact(a)) == 1
    join(other, [a], "made", tail="!")
    assert len(asked.impact(a)) == 2


def test_what_is_not_stored_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        impact(bench, "ab" * 32)
