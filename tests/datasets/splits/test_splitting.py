"""What a split promises: no two sides share anything, and every sample is somewhere."""

import random
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from datasets.splits.graphs import (
    MANIFEST,
    Graph,
    Place,
    leaks,
    manifest_of,
    named,
    split,
    split_manifest,
    survey,
)
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.splits.rules import SplitRules
from astrid_sdk.datasets.splits.split import Split
from astrid_sdk.errors import InvalidInputError

THREE = {"train": 0.7, "validation": 0.15, "test": 0.15}
HALVES = {"train": 0.5, "test": 0.5}


def everywhere(made: Split) -> list[str]:
    """Return the paths of all samples, on a side or held out."""
    held = [it.path for it in made.held_out_conflict]
    return sorted([*(path for paths in made.sides.values() for path in paths), *held])


def test_frames_whose_stars_are_apart_are_split_whole() -> None:
    graph, places = survey(20, 5)
    made = split(graph, places, THREE, group_by=("lineage",))
    assert made.groups == 20
    assert made.held_out_conflict == ()
    assert {side: len(found) for side, found in made.samples.items()} == {
        "train": 70,
        "validation": 15,
        "test": 15,
    }
    assert leaks(graph, places, made) == []


def test_classes_are_balanced_as_far_as_groups_allow() -> None:
    graph = Graph()
    places = [
        Place(graph.make(f"t-{n}", "detect", f"raw-{n // 2}"), "real" if n % 10 else "bogus")
        for n in range(200)
    ]
    made = split(graph, places, THREE)
    shares = {
        side: it["bogus"] / sum(it.values()) for side, it in made.balance.items() if it["real"]
    }
    assert set(shares) == set(THREE)
    assert all(abs(share - 0.1) < 0.02 for share in shares.values())
    assert made.notes == ("200 samples have no position: the sky says nothing of them",)


def test_what_cannot_be_balanced_is_told() -> None:
    graph = Graph()
    places = [
        Place(graph.make(f"t-{n}", "detect", f"raw-{n // 50}"), "real" if n < 50 else "bogus")
        for n in range(100)
    ]
    made = split(graph, places, HALVES, group_by=("lineage",))
    assert "real is 1.00 of train and 0.50 of all" in made.report or (
        "real is 0.00 of train and 0.50 of all" in made.report
    )


def test_exposures_that_share_stars_are_parted_by_holding_samples_out() -> None:
    graph, places = survey(10, 10)
    made = split(graph, places, HALVES)
    assert made.groups == 1
    assert leaks(graph, places, made) == []
    assert len(everywhere(made)) == 100
    # the best there is: two halves of frames times two halves of stars
    assert 40 <= len(made.held_out_conflict) <= 60
    for held in made.held_out_conflict:
        assert "with train" in held.reason
        assert "with test" in held.reason
    assert any("raw-" in held.reason for held in made.held_out_conflict)
    assert "held out, for they would tie two sides" in made.report


def test_a_chain_along_the_sky_is_cut_where_it_costs_little() -> None:
    places = [Place(f"t-{n}", None, (n * 5 / 3600, 0.0)) for n in range(300)]
    made = split(Graph(), places, THREE)
    assert made.groups == 1
    assert leaks(Graph(), places, made) == []
    assert len(made.held_out_conflict) < 30
    assert all(abs(made.fractions[side] - share) < 0.1 for side, share in THREE.items())


def test_a_template_behind_all_samples_is_named_with_what_could_be_allowed() -> None:
    graph, places = survey(8, 3, template=True)
    with pytest.raises(InvalidInputError, match="24 of 24 samples are one group") as caught:
        split(graph, places, HALVES)
    assert caught.value.kind == "one_group"
    assert f"template@{named('template')[:8]} (made by coadd)" in str(caught.value)
    assert "shared_steps=('coadd',)" in str(caught.value)


def test_what_is_allowed_to_be_shared_is_listed() -> None:
    graph, places = survey(12, 4, template=True, pattern=True)
    made = split(graph, places, HALVES, group_by="lineage", shared_steps=("coadd", "pattern"))
    assert leaks(graph, places, made) == []
    assert {tie.title for tie in made.allowed} >= {"template", "pattern", "old-1", "old-2"}
    assert "allowed: behind several sides may be and are" in made.report
    assert made.groups == 12


def test_a_raw_frame_behind_the_allowed_pattern_ties_only_its_own_samples() -> None:
    graph, places = survey(12, 4, pattern=True)
    with pytest.raises(InvalidInputError, match="made by pattern"):
        split(graph, places, HALVES, group_by="lineage")
    made = split(graph, places, HALVES, group_by="lineage", shared_steps="pattern")
    assert (made.groups, made.held_out_conflict) == (12, ())
    assert {tie.title for tie in made.allowed} == {"pattern", *(f"raw-{n}" for n in range(12))}


def test_one_place_in_many_unrelated_files_stays_on_one_side() -> None:
    rng = np.random.default_rng(3)
    centres = [(359.9999, 0.0), (0.0, 89.9999), (180.0, -89.9999), (45.0, 30.0)]
    places = [
        Place(
            f"{place}-{n}", None, ((ra + rng.normal(0, 3e-4 / np.cos(np.radians(dec)))) % 360, dec)
        )
        for place, (ra, dec) in enumerate(centres)
        for n in range(20)
    ]
    made = split(Graph(), places, HALVES, radius_arcsec=10)
    assert made.groups == 4
    assert leaks(Graph(), places, made) == []


def test_the_same_content_under_two_paths_is_on_one_side() -> None:
    places = [Place(f"t-{n // 2}", None) for n in range(40)]
    made = split(Graph(), places, HALVES, group_by=())
    assert made.groups == 20
    assert leaks(Graph(), places, made) == []


def test_a_sample_made_of_a_sample_stays_with_it() -> None:
    graph = Graph()
    places = [Place(f"t-{n}") for n in range(10)]
    places += [Place(graph.make(f"turned-{n}", "augment", f"t-{n}")) for n in range(10)]
    made = split(graph, places, HALVES)
    assert made.groups == 10
    assert leaks(graph, places, made) == []


def test_sources_of_imported_files_hold_them_together() -> None:
    places = [Place(f"t-{n}") for n in range(10)]
    sources = {f"t-{n}": f"raw-{n // 5}" for n in range(10)}
    made = split_manifest(Graph(), manifest_of(places, sources), HALVES)
    assert made.groups == 2


def test_exposures_told_by_the_header_hold_different_files_together() -> None:
    graph = Graph(exposures={f"t-{n}": f"camera.{n // 5}" for n in range(10)})
    made = split(graph, [Place(f"t-{n}") for n in range(10)], HALVES)
    assert made.groups == 2


def test_another_seed_is_another_split_and_the_same_seed_the_same() -> None:
    graph, places = survey(30, 3)
    rules = {"group_by": ("lineage",)}
    one, again = (split(graph, places, THREE, seed=1, **rules) for _ in range(2))
    assert one.to_bytes() == again.to_bytes()
    assert split(graph, places, THREE, seed=2, **rules).sides != one.sides


def test_the_order_of_the_files_changes_nothing() -> None:
    graph, places = survey(6, 6)
    manifest = manifest_of(places)
    files = list(manifest.files)
    random.Random(5).shuffle(files)  # noqa: S311 - no secret
    turned = DatasetManifest(manifest.dataset_id, files)
    made = [split_manifest(graph, each, HALVES) for each in (manifest, turned)]
    assert made[0].to_bytes() == made[1].to_bytes()


def test_labelled_files_are_the_samples_then_triplets_then_all() -> None:
    def files(*told: tuple[str, str | None]) -> DatasetManifest:
        return DatasetManifest(
            "d",
            [
                DatasetFile(named(n), f"{n}.fits", "detections", role, label)
                for n, (role, label) in enumerate(told)
            ],
        )

    mixed = [("table", None), ("table", None), ("triplet", None), ("triplet", None)]
    labelled = [("image", "a"), ("image", "b"), *mixed]
    for told, count in ((labelled, 2), (mixed, 2), (mixed[:2], 2)):
        assert len(everywhere(split_manifest(Graph(), files(*told), HALVES))) == count
    made = split_manifest(Graph(), files(*labelled), HALVES, roles=("table", "triplet"))
    assert len(everywhere(made)) == 4
    with pytest.raises(InvalidInputError, match="no file to split of role mask: it has image"):
        split_manifest(Graph(), files(*labelled), HALVES, roles="mask")


def test_too_few_samples_for_the_sides_is_said() -> None:
    with pytest.raises(InvalidInputError, match="2 samples cannot be on 3 sides"):
        split(Graph(), [Place("a"), Place("b")], THREE)


def test_a_split_reads_back_and_shows_itself() -> None:
    graph, places = survey(10, 4, pattern=True)
    made = split(graph, places, HALVES, shared_steps="pattern", seed=7)
    read = Split.from_bytes(made.to_bytes())
    assert read == made
    assert Split.from_json(made.to_json()).content_hash == made.content_hash
    assert (read.seed, read.manifest_hash, read.dataset_id) == (7, MANIFEST, "sn-train")
    frame = made.to_pandas()
    assert len(frame) == 40
    assert set(frame["side"]) <= {"train", "test", "held_out_conflict"}
    shown = made._repr_mimebundle_()
    assert "<table>" in shown["text/html"]
    assert "split of sn-train@" in repr(made)
    assert made.hashes("train") == tuple(it.content_hash for it in made.samples["train"])


@pytest.mark.parametrize(
    ("fractions", "rules", "message"),
    [
        ({"train": 0.7, "test": 0.2}, {}, "sum to 0.9"),
        ({"train": 1.0}, {}, "2 to 32 sides"),
        ({"train": 1.2, "test": -0.2}, {}, "the fraction of test is -0.2"),
        ({"held_out_conflict": 0.5, "test": 0.5}, {}, "no name of a side"),
        ({"a/b": 0.5, "test": 0.5}, {}, "no name of a side"),
        ([1.0], {}, "give two fractions"),
        (HALVES, {"group_by": "night"}, "not by night"),
        (HALVES, {"radius_arcsec": float("nan")}, "is no radius"),
        (HALVES, {"seed": 1.5}, "is no seed"),
        (HALVES, {"tolerance": 2}, "tolerance"),
        (HALVES, {"shuffle": True}, "no rule shuffle"),
        (HALVES, {"roles": 3}, "roles takes names"),
    ],
)
def test_rules_that_cannot_be_say_so(
    fractions: Mapping[str, float] | Sequence[float], rules: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SplitRules.of(fractions, **rules)


def test_a_sequence_of_fractions_is_train_validation_test() -> None:
    assert SplitRules.of((0.7, 0.15, 0.15)).sides == ("train", "validation", "test")
    assert SplitRules.of((0.7, 0.3)).sides == ("train", "test")


POLES = st.one_of(
    st.tuples(st.floats(359.99, 360.01), st.floats(-0.01, 0.01)),
    st.tuples(st.floats(0, 360), st.floats(89.99, 90)),
    st.tuples(st.floats(0, 360), st.floats(-90, -89.99)),
    st.tuples(st.floats(10, 10.02), st.floats(40, 40.02)),
)


@st.composite
def skies(draw: st.DrawFn) -> tuple[Graph, list[Place]]:
    """Draw samples with any lineage, some of them of each other, and any positions."""
    graph = Graph()
    layers = [[f"raw-{n}" for n in range(draw(st.integers(1, 8)))]]
    for word in layers[0]:
        if draw(st.booleans()):
            graph.exposures[word] = f"exposure-{draw(st.integers(0, 5))}"
    for depth in range(draw(st.integers(1, 4))):
        known = [word for layer in layers for word in layer]
        inputs = st.lists(st.sampled_from(known), min_size=1, max_size=3)
        layers.append(
            [
                graph.make(f"{depth}-{n}", draw(st.sampled_from(["a", "b"])), *draw(inputs))
                for n in range(draw(st.integers(1, 6)))
            ]
        )
    words = st.sampled_from([word for layer in layers for word in layer])
    chosen = draw(st.lists(words, min_size=2, max_size=25))
    labels = st.sampled_from(["real", "bogus", None])
    return graph, [Place(word, draw(labels), draw(st.none() | POLES)) for word in chosen]


@given(
    sky=skies(),
    seed=st.integers(0, 3),
    group_by=st.sampled_from([("lineage", "sky"), ("lineage",), ("sky",), ()]),
    shared=st.sampled_from([(), ("a",), ("a", "b")]),
    order=st.randoms(use_true_random=False),
)
def test_whatever_the_lineage_and_the_sky_no_two_sides_share_anything(
    sky: tuple[Graph, list[Place]],
    seed: int,
    group_by: tuple[str, ...],
    shared: tuple[str, ...],
    order: random.Random,
) -> None:
    graph, places = sky
    rules = {"seed": seed, "group_by": group_by, "shared_steps": shared, "tolerance": 0.0}
    manifest = DatasetManifest("sn-train", manifest_of(places).files)
    asked = {"roles": "triplet", **rules}
    try:
        made = split_manifest(graph, manifest, HALVES, **asked)
    except InvalidInputError as refusal:
        assert refusal.kind in {"one_group", "few_samples"}  # noqa: PT017 - either is right
        return
    assert leaks(graph, places, made) == []
    assert everywhere(made) == sorted(file.path for file in manifest.files)
    files = list(manifest.files)
    order.shuffle(files)
    turned = split_manifest(graph, DatasetManifest("sn-train", files), HALVES, **asked)
    assert turned.to_bytes() == made.to_bytes()
