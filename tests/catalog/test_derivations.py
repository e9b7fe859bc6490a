"""What doing a computation once promises."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from stores import BUCKET, Bench, CrashingStore, MeetingStore, WrappedStore, at_once
from typing_extensions import override

from astrid_sdk.catalog.steps.derivations import Derivation, object_key
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.errors import (
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import blob_key
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import Get, Operation
from astrid_sdk.tiers import Tier

ResultT = TypeVar("ResultT")
MEDIA = "application/octet-stream"
CRASHES = {"before the blob": 0, "blob | records": 1, "records | derivation": 2}


def _upper(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    data = inputs.read("text").upper() + parameters.get("tail", "").encode()
    return Result([Output("text", data, MEDIA, ".upper.txt")], {"length": len(data)})


def _refuse(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    raise InvalidInputError(f"{inputs.read('text').decode()} cannot be used: mend it")


UPPER = Step("upper", _upper, Tier.PROCESSED_OBSERVATIONS)
REFUSE = Step("refuse", _refuse, Tier.PROCESSED_OBSERVATIONS)


def counted(step: Step) -> tuple[Step, list[int]]:
    """Return `step` with a count of its calls."""
    calls: list[int] = []

    def function(inputs: Inputs, parameters: Mapping[str, Any]) -> Any:
        calls.append(1)
        return step.function(inputs, parameters)

    return Step(step.name, function, step.tier), calls


def restless() -> Step:
    """Return a step that breaks its promise: each call makes other bytes."""
    number = count()

    def function(_inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
        return Result([Output("text", b"%d" % next(number), MEDIA, ".txt")])

    return Step("restless", function, Tier.PROCESSED_OBSERVATIONS)


def run(bench: Bench, step: Step = UPPER, **parameters: str) -> Derivation:
    text = bench.cas.store_data(b"nova", MEDIA, name="nova.txt")
    return bench.derivations.derive(step, {"text": [text]}, parameters, name="nova")


def test_a_step_is_called_once_for_the_same_inputs_and_parameters(bench: Bench) -> None:
    step, calls = counted(UPPER)
    first, second = run(bench, step), run(bench, step)
    assert (first.reused, second.reused, len(calls)) == (False, True, 1)
    assert second.output("text") == first.output("text")
    assert bench.cas.retrieve_data(first.output("text").content_hash) == b"NOVA"
    assert second.facts == {"length": 4}


def test_memory_is_the_bucket_not_the_process(store: LocalStorageClient) -> None:
    assert not run(Bench(store)).reused
    assert run(Bench(store)).reused


def test_other_parameters_are_another_computation(bench: Bench) -> None:
    assert run(bench, tail="!").key != run(bench).key


def test_the_order_of_inputs_counts(bench: Bench) -> None:
    texts = [bench.cas.store_data(text, MEDIA) for text in (b"a", b"b")]
    step = Step("join", _join, Tier.ARTIFACTS)
    keys = [
        bench.derivations.derive(step, {"text": order}, {}, name="ab").key
        for order in (texts, texts[::-1])
    ]
    assert keys[0] != keys[1]


def _join(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    return Result([Output("text", b"".join(inputs.read_all("text")), MEDIA, ".txt")])


def test_a_refusal_is_remembered_with_its_reason(bench: Bench) -> None:
    step, calls = counted(REFUSE)
    first, second = run(bench, step), run(bench, step)
    assert first.refusal == second.refusal == "nova cannot be used: mend it"
    assert first.outputs == ()
    assert len(calls) == 1


def test_an_outage_is_not_remembered_as_a_refusal(store: LocalStorageClient) -> None:
    bench = Bench(CrashingStore(store, writes=2))  # the text and its record
    with pytest.raises(StorageUnavailableError):
        run(bench)
    assert Bench(store).derivations.keys() == []
    assert run(Bench(store)).refusal == ""


@pytest.mark.parametrize("writes", CRASHES.values(), ids=CRASHES)
def test_after_a_crash_nothing_half_done_shows_and_a_rerun_completes(
    store: LocalStorageClient, writes: int
) -> None:
    Bench(store).cas.store_data(b"nova", MEDIA, name="nova.txt")
    # the text is stored again by `run`: its blob is there, its record is written
    with pytest.raises(StorageUnavailableError):
        run(Bench(CrashingStore(store, writes + 1)))
    crashed = Bench(store)
    assert crashed.derivations.keys() == []
    assert crashed.catalog.contents()["name"].to_pylist() == ["nova.txt"]
    made = run(crashed)
    assert not made.reused
    assert crashed.cas.retrieve_data(made.output("text").content_hash) == b"NOVA"
    assert sorted(Bench(store).catalog.contents()["name"].to_pylist()) == [
        "nova.txt",
        "nova.upper.txt",
    ]


@pytest.mark.parametrize("writes", range(6))
def test_no_derivation_is_committed_without_its_blobs(
    store: LocalStorageClient, writes: int
) -> None:
    try:
        run(Bench(CrashingStore(store, writes)))
    except StorageUnavailableError:
        assert writes < 5
    after = Bench(store)
    keys = after.derivations.keys()
    for key in keys:
        made = after.derivations.find(key)
        assert made is not None
        for output in made.outputs:
            assert store.head(BUCKET, blob_key(output.content_hash, output.tier)) is not None


def test_blobs_are_written_before_records_before_the_derivation(
    store: LocalStorageClient,
) -> None:
    watched = WrappedStore(store)
    bench = Bench(watched)
    text = bench.cas.store_data(b"nova", MEDIA)
    watched.written.clear()
    bench.derivations.derive(UPPER, {"text": [text]}, {}, name="nova")
    kinds = [key.partition("/")[0] for key in watched.written]
    assert kinds == ["processed-observations", "_records", "_derivations"]


def racing(store: ObjectStorage, step: Callable[[], Step]) -> list[Derivation]:
    """Return what two writers get who finish the same computation at the same moment."""
    meeting = MeetingStore(store, "_derivations/", writers=2)
    text = Bench(store).cas.store_data(b"nova", MEDIA)
    steps = [step(), step()]
    return at_once(
        [
            lambda step=step: Bench(meeting).derivations.derive(  # type: ignore[misc]
                step, {"text": [text]}, {}, name="nova"
            )
            for step in steps
        ]
    )


def test_of_two_racing_writers_the_first_wins_and_the_other_adopts(
    store: LocalStorageClient,
) -> None:
    one, other = racing(store, lambda: UPPER)
    assert one.outputs == other.outputs
    assert sorted([one.reused, other.reused]) == [False, True]
    assert store.list_files(BUCKET, "_derivations/conflicts/") == []


def test_a_differing_output_of_the_slower_writer_is_kept_as_a_conflict_and_not_shown(
    store: LocalStorageClient,
) -> None:
    step = restless()
    text = Bench(store).cas.store_data(b"nova", MEDIA, name="nova.txt")
    first = Bench(store)
    late = Bench(_BlindOnce(store))
    won = first.derivations.derive(step, {"text": [text]}, {}, name="nova")
    adopted = late.derivations.derive(step, {"text": [text]}, {}, name="nova")
    assert adopted.outputs == won.outputs
    assert adopted.reused
    (note,) = store.list_files(BUCKET, "_derivations/conflicts/")
    kept = Derivation.from_bytes(store.download_file(BUCKET, note))
    assert kept.key == won.key
    assert first.cas.retrieve_data(kept.output("text").content_hash) == b"1"
    shown = set(first.catalog.contents()["content_hash"].to_pylist())
    assert shown == {text, won.output("text").content_hash}
    assert first.derivations.keys() == [won.key]


class _BlindOnce(WrappedStore):
    """Finds no derivation the first time it is asked, as just before another writer's commit."""

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        key = operation.where
        if isinstance(operation, Get) and key.startswith("_derivations/") and key not in self.read:
            self.read.append(key)
            raise NotFoundError(f"{key} is not there")
        return super().perform(operation)


def test_the_same_bytes_under_another_name_are_no_conflict(store: LocalStorageClient) -> None:
    text = Bench(store).cas.store_data(b"nova", MEDIA)
    for bench, name in ((Bench(store), "nova"), (Bench(_BlindOnce(store)), "supernova")):
        bench.derivations.derive(UPPER, {"text": [text]}, {}, name=name)
    assert store.list_files(BUCKET, "_derivations/conflicts/") == []


@pytest.mark.parametrize("damage", [b'"step":"uppes"', b'{"step"', b"\xff"])
def test_a_damaged_derivation_is_refused_by_name(
    bench: Bench, tmp_path: Path, damage: bytes
) -> None:
    made = run(bench)
    path = tmp_path / "store" / BUCKET / object_key(made.key)
    path.write_bytes(path.read_bytes().replace(b'"step":"upper"', damage))
    with pytest.raises(CorruptionError, match=made.key):
        bench.derivations.find(made.key)


def test_a_damaged_input_is_not_computed_with(bench: Bench, tmp_path: Path) -> None:
    text = bench.cas.store_data(b"nova", MEDIA)
    (tmp_path / "store" / BUCKET / blob_key(text, Tier.ARTIFACTS)).write_bytes(b"nave")
    with pytest.raises(CorruptionError):
        bench.derivations.derive(UPPER, {"text": [text]}, {}, name="nova")
    assert bench.derivations.keys() == []


def test_an_unknown_output_is_not_found(bench: Bench) -> None:
    with pytest.raises(KeyError, match="no output 'image'"):
        run(bench).output("image")
