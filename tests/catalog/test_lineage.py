"""What the question why promises."""

from pathlib import Path

import pytest
from catalog.lineages import MEDIA, ListingStore, join, join_roles, lineages, names, raw, why
from catalog.synthetic import commit_chain, commit_circle
from stores import Bench, local_store

from astrid_sdk.catalog.lineage.values import NodeKind
from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.tiers import Tier


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def test_it_goes_up_to_the_raw_contents_and_their_origin(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    both = join(bench, [a, b], "both")
    told = why(bench, join(bench, [both], "more", tail="!"))
    assert names(told) == ["more.txt", "both.txt", "a.raw", "b.raw"]
    assert [(node.content_hash, node.origin) for node in told.raw()] == [
        (a, "data:a.raw"),
        (b, "data:b.raw"),
    ]
    root = told.root
    made = told.derivations[root.derivation_key]
    assert (root.step, root.tier, root.kind) == ("join", "artifacts", NodeKind.DERIVED)
    assert dict(made.parameters) == {"tail": "!"}


def test_edges_say_what_was_used_as_what(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    made = join_roles(bench, {"science": [a], "reference": [b, a]}, "made")
    edges = why(bench, made).edges
    assert {(edge.source, edge.target, edge.role, edge.step) for edge in edges} == {
        (a, made, "science", "join"),
        (a, made, "reference", "join"),
        (b, made, "reference", "join"),
    }


def test_what_a_step_left_out_is_said_on_its_edge(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    made = join(bench, [a, b], "made", rejected=[{"index": 1, "reason": "trailed"}])
    told = why(bench, made)
    assert [(edge.source, edge.note) for edge in told.edges] == [(a, ""), (b, "left out: trailed")]
    assert "(left out: trailed)" in str(told)


def test_the_tree_reads_from_top_to_bottom(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    both = join(bench, [a, b], "both")
    lines = str(why(bench, join(bench, [both, a], "more", tail="!"))).splitlines()
    assert [line.partition("@")[0] for line in lines] == [
        "more.txt",
        '│  {"tail": "!"}',
        "├─ text: both.txt",
        "│  ├─ text: a.raw",
        "│  └─ text: b.raw",
        "└─ text: a.raw",
    ]
    assert lines[-1].endswith("raw-observations, from data:a.raw")


def test_what_is_shared_is_told_once(bench: Bench) -> None:
    below = raw(bench, b"a")
    for level in range(40):  # written out in full, the tree would have 2 ** 40 leaves
        parts = {"text": [below], "again": [below]}
        below = join_roles(bench, parts, f"l{level}", tail=f"{level:02d}")
    told = why(bench, below)
    assert len(told) == 41
    assert str(told).count("(as above)") == 39


def test_a_step_that_changed_nothing_is_no_endless_tree(bench: Bench) -> None:
    a = raw(bench, b"a")
    assert join(bench, [a], "same") == a
    told = why(bench, a)
    assert told.raw() == [told.root]
    assert len(str(told).splitlines()) == 1


def test_a_source_that_the_catalogue_does_not_know_is_shown_as_such(bench: Bench) -> None:
    unknown = bench.cas.put_blob(b"no record", MEDIA, Tier.ARTIFACTS)
    told = why(bench, join(bench, [unknown], "made", tail="!"))
    node = told.nodes[unknown]
    assert (node.name, node.kind) == ("not in the catalogue", NodeKind.MISSING)
    assert "no record tells of it" in str(told)
    assert "No record tells of not in the catalogue@" in told.words()


def test_what_is_not_stored_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFoundError, match="ab" * 32):
        why(bench, "ab" * 32)
    with pytest.raises(NotFoundError, match="ab" * 5):
        why(bench, "ab" * 5)
    with pytest.raises(InvalidInputError, match="too short"):
        why(bench, "ab")


def test_a_content_is_asked_for_by_what_tables_show(bench: Bench) -> None:
    a = raw(bench, b"a")
    assert why(bench, f"a.raw@{a[:8]}").root.content_hash == a


def test_who_made_it_and_when_is_told(bench: Bench) -> None:
    made = why(bench, join(bench, [raw(bench, b"a")], "made", tail="!")).root
    assert made.author
    assert made.created_at is not None
    assert made.created_at.tzinfo is not None


def test_an_excluded_source_is_marked(bench: Bench) -> None:
    a = raw(bench, b"a")
    made = join(bench, [a], "made", tail="!")
    say_excluded(bench.records, find_one(bench.catalog, a), "trailed")
    bench.catalog.refresh()
    told = why(bench, made)
    assert [node.excluded for node in told.excluded()] == ["trailed"]
    assert "EXCLUDED: trailed" in str(told)
    assert f"Excluded by now: a.raw@{a[:8]} (trailed)." in told.words()


def test_a_known_content_is_told_without_asking_the_store(tmp_path: Path) -> None:
    store = ListingStore(local_store(tmp_path / "store"))
    bench = Bench(store)
    made = join(bench, [raw(bench, b"a")], "made", tail="!")
    asked = lineages(bench)
    first = asked.why(made)
    store.listed.clear()
    assert names(asked.why(made)) == names(first) == ["made.txt", "a.raw"]
    assert store.listed == []


def test_what_another_process_stored_since_is_found(tmp_path: Path) -> None:
    store = local_store(tmp_path / "store")
    bench, other = Bench(store), Bench(store)
    asked = lineages(bench)
    a = raw(bench, b"a")
    asked.why(a)
    made = join(other, [a], "made", tail="!")
    assert names(asked.why(made)) == ["made.txt", "a.raw"]


def test_a_chain_longer_than_pythons_stack_is_told(bench: Bench) -> None:
    told = why(bench, commit_chain(bench, 1_200))
    assert len(told) == 1_201
    assert len(told.tree().splitlines()) == 201
    assert "and 1001 more contents" in told.tree()
    assert len(told.tree(None).splitlines()) == 1_201
    assert "It goes back to the raw file 0@" in told.words()
    assert "more contents" in told.to_svg()
    assert len(told.to_json()["edges"]) == 1_200


def test_clocks_that_disagree_make_no_endless_walk(bench: Bench) -> None:
    a, b = commit_circle(bench)
    told = why(bench, a)
    assert {node.content_hash for node in told} == {a, b}
    assert "(as above)" in str(told)
    assert told.to_svg()
    assert told.words()


def test_a_notebook_shows_it_escaped(bench: Bench) -> None:
    content_hash = bench.cas.store_data(b"x", MEDIA, name="<b>")
    shown = why(bench, join(bench, [content_hash], "<i>", tail="<u>"))._repr_mimebundle_()
    page = shown["text/html"]
    assert "&lt;b&gt;" in page
    assert "&lt;i&gt;" in page
    assert not {"<b>", "<i>", "<u>"} & set(page.replace("><", ">\n<").splitlines())
    assert "<b>@" in shown["text/plain"]
