"""What is recognised as code, whatever it is called and however it is packed."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from typing_extensions import override

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.distrust import reasons_to_distrust


class Hostile:
    """Runs a command when it is unpickled."""

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def saved(save: Callable[[Any], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


PICKLE = pickle.dumps(Hostile())
OBJECTS = saved(lambda file: np.save(file, np.array([{}], dtype=object), allow_pickle=True))
NUMBERS = saved(lambda file: np.save(file, np.arange(1000.0)))
HOSTILE = {
    **{f"protocol {n}": pickle.dumps(Hostile(), protocol=n) for n in range(6)},
    "a payload before rubbish": PICKLE[:-1] + b"\xff\xff",
    "a payload that leaves things on the stack": b"N" + PICKLE,
    "joblib": saved(lambda file: joblib.dump({"a": np.arange(3)}, file)),
    "joblib, compressed": saved(lambda file: joblib.dump([1] * 1000, file, compress=3)),
    "gzip": gzip.compress(PICKLE),
    "bz2": bz2.compress(PICKLE),
    "xz": lzma.compress(PICKLE),
    "zlib": zlib.compress(PICKLE),
    "gzip in gzip": gzip.compress(gzip.compress(PICKLE)),
    "an array of objects": OBJECTS,
    "a zip with a pickle": zipped(data=PICKLE),
    "a zip with a pickle's name": zipped(**{"archive/data.pkl": b""}),
    "a zip with code": zipped(**{"code/model.py": b""}),
    "a zip in a zip": zipped(inner=zipped(data=PICKLE)),
    "npz of objects": zipped(**{"a.npy": OBJECTS}),
}
HARMLESS = {
    "numbers": NUMBERS,
    "npz": saved(lambda file: np.savez_compressed(file, a=np.arange(5), b=np.zeros((3, 3)))),
    "json": b'{"learner": {"trees": []}}',
    "requirements": b"cloudpickle==3.1.3\nmlflow==3.17.2\nimbalanced-learn==1\nnumpy==2\n",
    "a number as text": b"0.125 0.25\n",
    "a table": b"id,score\n1,0.5\n",
    "safetensors": b"\x80\x02\x00\x00\x00\x00\x00\x00" + b'{"w":{"dtype":"F32"}}'.ljust(640),
    "empty": b"",
    "noise": np.random.default_rng(1).bytes(100_000),
    "skops": skops.io.dumps(LogisticRegression()),
    "a forest": skops.io.dumps(RandomForestClassifier(3).fit([[0.0], [1.0]], [0, 1])),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_would_run_code_is_recognised_by_its_bytes(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "notes.txt").write_bytes(content)
    (reason,) = reasons_to_distrust(tmp_path)
    assert reason.startswith("deep/notes.txt ")


@pytest.mark.parametrize("content", HARMLESS.values(), ids=HARMLESS)
def test_what_holds_no_code_is_let_through(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(content)
    assert reasons_to_distrust(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["model.pkl", "m.joblib", "m.PT", "m.pth", "code/m.py", "m.h5", "m.keras"]
)
def test_a_name_is_enough(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    assert reasons_to_distrust(tmp_path)


@pytest.mark.parametrize(
    "said",
    [
        "python_function: {loader_module: evil}",
        "python_function: {loader_module: mlflowx.evil}",
        "python_function: {loader_module: mlflow.pyfunc.model, code: code}",
        "sklearn: {code_paths: [code]}",
        "python_function: {model_code_path: model.txt}",
        "sklearn: {serialization_format: cloudpickle}",
    ],
)
def test_a_model_file_that_names_code_is_recognised(said: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(f"flavors:\n  {said}\n")
    assert reasons_to_distrust(tmp_path)


@pytest.mark.parametrize("text", ["- a list", "flavors: 3", "{", "!!python/object:os.system {}"])
def test_a_model_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InvalidInputError, match="no model file"):
        reasons_to_distrust(tmp_path)
