"""What making a content again promises."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores import Bench, WrappedStore, local_store

from astrid_sdk.assemble import known_steps
from astrid_sdk.catalog.steps.comparing import Verdict
from astrid_sdk.catalog.steps.deriving import Deriving
from astrid_sdk.catalog.steps.step import Inputs, Output, Step
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.tiers import Tier

DRIFT = {"by": 0.0}


def numbers(inputs: Inputs, parameters: Mapping[str, Any]) -> Any:
    """Make what drifts with what the test says: another machine does so by itself."""
    values = np.frombuffer(inputs.read("text"), np.uint8).astype(float)
    return values + parameters.get("plus", 0) + DRIFT["by"]


def lines(_inputs: Inputs, _parameters: Mapping[str, Any]) -> list[Output]:
    said = [Output("first", b"same", "text/plain", ".1")]
    return [*said, Output("second", b"by %g" % DRIFT["by"], "text/plain", ".2")]


NUMBERS = Step("numbers", numbers, Tier.ARTIFACTS)
LINES = Step("lines", lines, Tier.ARTIFACTS)


@pytest.fixture(autouse=True)
def steady() -> None:
    DRIFT["by"] = 0.0


@pytest.fixture
def store(tmp_path: Path) -> WrappedStore:
    return WrappedStore(local_store(tmp_path / "store"))


@pytest.fixture
def bench(store: WrappedStore) -> Bench:
    return Bench(store)


@pytest.fixture
def deriving(bench: Bench) -> Deriving:
    return Deriving(bench.catalog, bench.derivations, bench.cas, [NUMBERS, LINES])


@pytest.fixture
def made(bench: Bench, deriving: Deriving) -> str:
    text = bench.cas.store_data(b"nova", "text/plain", tier="raw-observations", name="nova.txt")
    return deriving.derive(NUMBERS, {"text": text}, {"plus": 1}).output("result").content_hash


def test_the_same_code_gives_the_same_bytes(deriving: Deriving, made: str) -> None:
    told = deriving.reproduce(made)
    assert told.verdict == Verdict.IDENTICAL
    assert not told.is_other_code
    assert not told.is_other_environment
    assert str(told).splitlines()[0] == "numbers run again: identical"


def test_nothing_is_stored_by_it(store: WrappedStore, deriving: Deriving, made: str) -> None:
    deriving.reproduce(made)  # which indexes what the test made
    store.written.clear()
    DRIFT["by"] = 1.0
    deriving.reproduce(made)
    assert store.written == []


def test_a_small_drift_is_equal_within_the_tolerance_that_is_said(
    deriving: Deriving, made: str
) -> None:
    DRIFT["by"] = 1e-7
    told = deriving.reproduce(made)
    assert told.verdict == Verdict.EQUAL
    assert told.outputs[0].comparison.max_difference == pytest.approx(1e-7, rel=1e-3)
    assert "rtol=1e-05 atol=1e-06" in str(told)
    assert deriving.reproduce(made, rtol=0, atol=1e-9).verdict == Verdict.DIFFERENT


def test_a_difference_is_told_with_its_place(deriving: Deriving, made: str) -> None:
    DRIFT["by"] = 2.0
    told = deriving.reproduce(made[:10])
    assert told.verdict == Verdict.DIFFERENT
    assert told.outputs[0].comparison.where == "array[0]: 113.0 was 111.0; 4 of 4 differ"
    assert "first at array[0]: 113.0 was 111.0" in told._repr_mimebundle_()["text/html"]


def test_every_output_is_compared_and_the_worst_counts(deriving: Deriving) -> None:
    first = deriving.derive(LINES, {}).output("first").content_hash
    DRIFT["by"] = 1.0
    told = deriving.reproduce(first)
    verdicts = [output.comparison.verdict for output in told.outputs]
    assert verdicts == [Verdict.IDENTICAL, Verdict.DIFFERENT]
    assert told.verdict == Verdict.DIFFERENT
    assert told.outputs[1].comparison.where == "byte 3; 4 bytes were 4"


def test_both_environments_are_told(deriving: Deriving, made: str) -> None:
    told = deriving.reproduce(made)
    old = dataclasses.replace(
        told.derivation, environment={**told.derivation.environment, "numpy": "1.0"}
    )
    other = dataclasses.replace(told, derivation=old)
    assert other.is_other_environment
    assert f"numpy {np.__version__}, then 1.0" in str(other)


def test_other_code_is_run_only_when_that_is_allowed(bench: Bench, made: str) -> None:
    changed = Step("numbers", numbers, Tier.ARTIFACTS, ("numpy", "scipy"))
    deriving = Deriving(bench.catalog, bench.derivations, bench.cas, [changed])
    with pytest.raises(InvalidInputError, match="allow_other_code=True") as caught:
        deriving.reproduce(made)
    assert caught.value.kind == "other_code"
    told = deriving.reproduce(made, allow_other_code=True)
    assert (told.verdict, told.is_other_code) == (Verdict.IDENTICAL, True)
    assert "with other code than then" in str(told)


def test_a_step_that_refuses_now_is_a_difference(bench: Bench, made: str) -> None:
    def refuse(_inputs: Inputs, _parameters: Mapping[str, Any]) -> Any:
        raise InvalidInputError("not any more: mend it")

    step = Step("numbers", refuse, Tier.ARTIFACTS)
    deriving = Deriving(bench.catalog, bench.derivations, bench.cas, [step])
    told = deriving.reproduce(made, allow_other_code=True)
    assert told.verdict == Verdict.DIFFERENT
    assert "the step refuses now: not any more: mend it" in str(told)


def test_a_step_that_is_not_known_here_is_said_by_name(bench: Bench, made: str) -> None:
    deriving = Deriving(bench.catalog, bench.derivations, bench.cas, known_steps())
    with pytest.raises(NotFoundError, match=r"step numbers is not known here.*calibrate") as caught:
        deriving.reproduce(made)
    assert caught.value.kind == "unknown_step"


def test_a_function_that_was_derived_with_is_known(bench: Bench) -> None:
    def shout(inputs: Inputs, *, mark: str = "!") -> bytes:
        return inputs.read("text").upper() + mark.encode()

    text = bench.cas.store_data(b"nova", "text/plain", name="nova.txt")
    deriving = Deriving(bench.catalog, bench.derivations, bench.cas)
    made = deriving.derive(shout, {"text": text})
    told = deriving.reproduce(made.output("result").content_hash)
    assert told.verdict == Verdict.IDENTICAL


def test_what_was_ingested_cannot_be_made_again(bench: Bench, deriving: Deriving) -> None:
    raw = bench.cas.store_data(b"sky", "text/plain", name="a.raw")
    with pytest.raises(InvalidInputError, match=r"came from data:a\.raw"):
        deriving.reproduce(raw)


def test_the_steps_of_the_chain_are_known() -> None:
    names = {step.name for step in known_steps()}
    assert names == {
        *("build_pattern", "calibrate", "coadd", "collect", "dataset_manifest", "dataset_split"),
        *("detect", "real_bogus_features", "score_detections", "subtract", "train_real_bogus"),
    }
