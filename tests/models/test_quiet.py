"""MLflow is used without a trace: in the environment, its globals, the log, the network."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from astrid_sdk.config import child_environment

PROBE = """
import json, os, pathlib, sys, threading, warnings
warnings.simplefilter("error")
{before}
import astrid_sdk
environment = dict(os.environ)
changes = []
stop = threading.Event()

def watch():
    while not stop.wait(0.001):
        if dict(os.environ) != environment:
            changes.append(sorted(set(os.environ.items()) ^ set(environment.items())))

watcher = threading.Thread(target=watch)
astrid = astrid_sdk.connect("store")
lightness = sorted({{"mlflow", "sklearn", "skops"}} & set(sys.modules))
run_id = astrid.mlflow.create_run()  # imports MLflow and makes its database
watcher.start()
pathlib.Path("w.bin").write_bytes(b"w")
def work(_=None):
    uri = astrid.mlflow.store_model_artifact("w.bin", astrid.mlflow.create_run("crowd"))
    return astrid.mlflow.retrieve_model_artifact(uri)

threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
stop.set(); watcher.join()
import mlflow
from mlflow.telemetry import get_telemetry_client
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    told = {{
        "lightness": lightness,
        "changes": changes,
        "environment": sorted(set(os.environ.items()) ^ set(environment.items())),
        "uri": mlflow.get_tracking_uri(),
        "registry": mlflow.get_registry_uri(),
        "telemetry": repr(get_telemetry_client()),
        "folder": sorted(os.listdir()),
    }}
print(json.dumps(told))
"""


def probe(folder: Path, before: str = "") -> tuple[dict[str, Any], str]:
    """Return what a process that works with MLflow through us tells, and its stderr."""
    watched = ("CI", "PYTEST_CURRENT_TEST")  # MLflow sends nothing where it sees these
    environment = {k: v for k, v in child_environment({}).items() if k not in watched}
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(before=before)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told, done.stderr


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    return probe(tmp_path_factory.mktemp("quiet"))


def test_nothing_is_written_into_the_environment(told: tuple[dict[str, Any], str]) -> None:
    assert told[0]["environment"] == []
    assert told[0]["changes"] == []


def test_mlflows_own_tracking_uri_is_left_alone(told: tuple[dict[str, Any], str]) -> None:
    assert told[0]["uri"].endswith("/mlflow.db")
    assert "store" not in told[0]["uri"]
    assert told[0]["registry"] == told[0]["uri"]


def test_telemetry_is_off(told: tuple[dict[str, Any], str]) -> None:
    assert told[0]["telemetry"] == "None"


def test_nothing_is_printed(told: tuple[dict[str, Any], str]) -> None:
    assert told[1] == ""


def test_nothing_lies_about_in_the_working_folder(told: tuple[dict[str, Any], str]) -> None:
    assert told[0]["folder"] == ["store", "w.bin"]


def test_mlflow_is_imported_when_it_is_first_needed(told: tuple[dict[str, Any], str]) -> None:
    assert told[0]["lightness"] == []


def test_a_callers_own_settings_of_mlflow_stay(tmp_path: Path) -> None:
    before = """
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # as theirs to say: MLflow's writes there too
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow
    mlflow.set_tracking_uri("sqlite:///theirs.db")
"""
    told, _ = probe(tmp_path, before)
    assert told["uri"] == "sqlite:///theirs.db"
    assert told["environment"] == told["changes"] == []
    assert "theirs.db" not in told["folder"]
