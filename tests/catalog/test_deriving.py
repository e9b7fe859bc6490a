"""What running one's own functions promises."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from stores import BUCKET, Bench, local_store
from threadpoolctl import threadpool_info

from astrid_sdk.catalog.steps.deriving import Deriving
from astrid_sdk.catalog.steps.step import Inputs, Output, Result
from astrid_sdk.config import child_environment
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.storage.local_client import LocalStorageClient

RACE = """
import json, os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from stores import Bench, local_store
from astrid_sdk.catalog.steps.deriving import Deriving
FOLDER = Path(sys.argv[1])

def restless(inputs):
    (FOLDER / f"here-{os.getpid()}").touch()
    while len(list(FOLDER.glob("here-*"))) < 3:
        time.sleep(0.01)
    return os.urandom(8)

bench = Bench(local_store(FOLDER / "store"))
deriving = Deriving(bench.catalog, bench.derivations, bench.cas)
made = deriving.derive(restless, {"text": sys.argv[3]})
print(json.dumps([made.key, made.outputs[0].content_hash, made.reused]))
"""


@pytest.fixture
def text(bench: Bench) -> str:
    return bench.cas.store_data(b"nova", "text/plain", tier="raw-observations", name="nova.txt")


def session(bench: Bench) -> Deriving:
    return Deriving(bench.catalog, bench.derivations, bench.cas)


def upper(inputs: Inputs, parameters: Mapping[str, Any]) -> bytes:
    return inputs.read("text").upper() + str(parameters.get("tail", "")).encode()


def repeated(inputs: Inputs, *, times: int = 2, between: str = "") -> bytes:
    return between.encode().join([inputs.read("text")] * times)


def counting() -> tuple[Callable[..., bytes], list[int]]:
    """Return a function with a version of its own, and its calls."""
    calls: list[int] = []

    def counted(inputs: Inputs) -> bytes:
        calls.append(1)
        return inputs.read("text").upper()

    return counted, calls


def stored(bench: Bench, made: Any, role: str = "result") -> bytes:
    return bench.cas.retrieve_data(made.output(role).content_hash)


def test_a_plain_function_is_run_and_its_result_stored(bench: Bench, text: str) -> None:
    made = session(bench).derive(upper, {"text": text}, {"tail": "!"})
    assert stored(bench, made) == b"NOVA!"
    output = made.output("result")
    assert (made.step, output.name, output.tier) == ("upper", "upper.bin", "artifacts")


def test_the_same_question_of_another_session_is_answered_without_running(
    store: LocalStorageClient, text: str
) -> None:
    function, calls = counting()
    made = []
    for deriving in (session(Bench(store)), session(Bench(store))):
        step = deriving.step(function, version="1")
        made.append(step({"text": text}))
    assert [each.reused for each in made] == [False, True]
    assert made[0].outputs == made[1].outputs
    assert calls == [1]


def test_parameters_by_name_are_recorded_with_their_defaults(bench: Bench, text: str) -> None:
    step = session(bench).step(repeated)
    implied, said = step({"text": text}), step({"text": text}, times=2)
    other = step({"text": text}, times=3, between="-")
    assert said.key == implied.key != other.key
    assert implied.parameters == {"times": 2, "between": ""}
    assert stored(bench, other) == b"nova-nova-nova"


def test_a_parameter_the_function_does_not_take_is_refused(bench: Bench, text: str) -> None:
    with pytest.raises(InvalidInputError, match="it takes times, between"):
        session(bench).step(repeated)({"text": text}, time=3)


def test_a_decorator_names_the_step_and_its_tier(bench: Bench, text: str) -> None:
    @session(bench).step(name="my_flux", tier="processed-observations")
    def measure(inputs: Inputs) -> bytes:
        return inputs.read("text")

    made = measure({"text": text}, name="sn2024")
    output = made.output("result")
    assert (made.step, output.tier, output.name) == (
        "my_flux",
        "processed-observations",
        "sn2024.bin",
    )
    assert repr(measure) == "<step my_flux, outputs to processed-observations>"


def test_inputs_are_named_as_people_do(bench: Bench, text: str) -> None:
    deriving = session(bench)
    made = deriving.derive(upper, {"text": text})
    prefix = deriving.derive(upper, {"text": f"nova.txt@{text[:8]}"})
    listed = deriving.derive(upper, {"text": [made.output("result")]})
    assert prefix.key == made.key
    assert listed.inputs == {"text": [made.output("result").content_hash]}
    with pytest.raises(InvalidInputError, match="the input text is a int"):
        deriving.derive(upper, {"text": 3})  # type: ignore[dict-item]


@pytest.mark.parametrize("inputs", ["a" * 64, ["a" * 64], None, 5])
def test_inputs_that_are_no_mapping_are_refused(bench: Bench, inputs: Any) -> None:
    step = session(bench).step(upper)
    for run in (step, lambda given: session(bench).derive(upper, given)):
        with pytest.raises(InvalidInputError, match=r"a mapping of role to content hash, such as"):
            run(inputs)


@pytest.mark.parametrize("step", [3, None, "upper"])
def test_what_is_no_step_is_refused(bench: Bench, step: Any) -> None:
    with pytest.raises(InvalidInputError, match="give a function or a Step"):
        session(bench).derive(step, {})


def test_an_input_that_is_not_stored_is_not_found_and_nothing_is_recorded(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        session(bench).derive(upper, {"text": "ab" * 32})
    assert bench.derivations.keys() == []


def test_a_role_that_was_not_given_is_said(bench: Bench, text: str) -> None:
    with pytest.raises(NotFoundError, match=r"one input 'text'.*given words \(1\)"):
        session(bench).derive(upper, {"words": text})
    assert bench.derivations.keys() == []


def test_a_function_reads_an_input_as_a_file(bench: Bench, text: str) -> None:
    def first(inputs: Inputs) -> bytes:
        with inputs.open("text") as file:
            return file.read(1)

    assert stored(bench, session(bench).derive(first, {"text": text})) == b"n"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "the parameter tail is nan"),
        (np.int64(3), "the parameter tail is of type int64"),
        (Path("x"), "the parameter tail is of type PosixPath"),
        ([1, {"a": {2}}], r"the parameter tail\[1\]\['a'\] is of type set"),
        ({1: 2}, r"the parameter tail\[1\] is named by a int"),
    ],
    ids=str,
)
def test_a_parameter_that_is_no_json_is_refused_by_name(
    bench: Bench, text: str, value: object, said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        session(bench).derive(upper, {"text": text}, {"tail": value})
    assert bench.derivations.keys() == []


def test_a_failing_function_passes_its_error_on_and_nothing_is_recorded(
    bench: Bench, text: str
) -> None:
    error = ZeroDivisionError("by zero")

    def fails(_inputs: Inputs) -> bytes:
        raise error

    with pytest.raises(ZeroDivisionError) as caught:
        session(bench).step(fails, version="1")({"text": text})
    assert caught.value is error
    assert bench.derivations.keys() == []
    assert bench.catalog.contents().num_rows == 1


def test_an_unusable_input_is_a_refusal_and_is_not_tried_again(bench: Bench, text: str) -> None:
    calls = []

    def refuses(_inputs: Inputs) -> bytes:
        calls.append(1)
        raise InvalidInputError("trailed: take it again")

    step = session(bench).step(refuses, version="1")
    assert step({"text": text}).refusal == step({"text": text}).refusal == "trailed: take it again"
    assert calls == [1]


def test_what_cannot_be_stored_is_refused_and_not_remembered(bench: Bench, text: str) -> None:
    def nothing(_inputs: Inputs) -> None:
        return None

    def objects(_inputs: Inputs) -> Any:
        return np.array([{}], dtype=object)

    for function, said in ((nothing, "returned nothing as result"), (objects, "a ndarray")):
        with pytest.raises(InvalidInputError, match=said):
            session(bench).derive(function, {"text": text})
    assert bench.derivations.keys() == []


def an_image(_inputs: Inputs) -> fits.HDUList:
    pixels = np.arange(12, dtype=np.float32).reshape(3, 4)
    return fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels, name="SCI")])


def a_table(_inputs: Inputs) -> Table:
    return Table({"flux": [1.0, 2.0], "name": ["a", "b"]}, units={"flux": "mJy"})


def a_frame(_inputs: Inputs) -> pd.DataFrame:
    return pd.DataFrame({"mjd": [60000.5], "band": ["r"]})


def an_array(_inputs: Inputs) -> Any:
    return np.linspace(0, 1, 5)


def many(inputs: Inputs) -> Mapping[str, Any]:
    return {"image": an_image(inputs), "curve": a_frame(inputs), "raw": b"x"}


def outputs(_inputs: Inputs) -> list[Output]:
    return [Output("a", b"a", "text/plain", ".a"), Output("b", b"b", "text/plain", ".b")]


def a_result(inputs: Inputs) -> Result:
    return Result(outputs(inputs), {"count": 2})


@pytest.mark.parametrize(
    ("function", "suffixes"),
    [
        (an_image, [".fits"]),
        (a_table, [".parquet"]),
        (a_frame, [".parquet"]),
        (an_array, [".npy"]),
        (many, [".image.fits", ".curve.parquet", ".raw.bin"]),
        (outputs, [".a", ".b"]),
        (a_result, [".a", ".b"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_scientists_return_is_stored_and_the_same_values_give_the_same_bytes(
    tmp_path: Path, function: Callable[..., Any], suffixes: list[str]
) -> None:
    made = []
    for place in "ab":  # two buckets: nothing is remembered
        bench = Bench(local_store(tmp_path / place))
        text = bench.cas.store_data(b"nova", "text/plain")
        made.append(session(bench).derive(function, {"text": text}, name="x"))
    assert [output.name for output in made[0].outputs] == [f"x{suffix}" for suffix in suffixes]
    assert made[0].outputs == made[1].outputs
    assert made[0].key == made[1].key


def test_tables_come_back_with_their_units(bench: Bench, text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(bench, session(bench).derive(a_table, {"text": text})))
    assert Table.read(path)["flux"].unit == "mJy"


def test_a_function_runs_on_one_thread_of_linear_algebra(bench: Bench, text: str) -> None:
    def threads(_inputs: Inputs) -> bytes:
        return json.dumps([library["num_threads"] for library in threadpool_info()]).encode()

    made = session(bench).derive(threads, {"text": text})
    assert set(json.loads(stored(bench, made))) <= {1}


def test_processes_that_race_agree_on_the_first_and_keep_the_others_as_conflicts(
    store: LocalStorageClient, text: str, tmp_path: Path
) -> None:
    script = tmp_path / "race.py"
    script.write_text(RACE)
    tests = Path(__file__).parents[1]
    command = [sys.executable, str(script), str(tmp_path), str(tests), text]
    racing = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, env=child_environment({"PYTHONPATH": str(tests)})
        )
        for _ in range(3)
    ]
    said = [json.loads(each.communicate(timeout=120)[0]) for each in racing]
    keys, hashes, reused = zip(*said, strict=True)
    assert len(set(keys)) == len(set(hashes)) == 1
    assert sorted(reused) == [False, True, True]
    assert len(store.list_files(BUCKET, f"_derivations/conflicts/{keys[0]}/")) == 2
