"""``astrid mlflow``: MLflow's UI on the runs of a store."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.terminal import mistake

import astrid_sdk
from astrid_sdk.config import StorageConfig, child_environment
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.session import AstridSession

ASTRID = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
SECRET = "do-not-show-me"  # noqa: S105 - it opens nothing
START_TIMEOUT_S, STOP_TIMEOUT_S = 300.0, 60.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def asked(port: int, path: str, question: dict[str, object]) -> dict[str, object]:
    """Return what MLflow's REST answers; an empty answer while it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(question), headers)
        answer: dict[str, object] = json.loads(connection.getresponse().read() or b"{}")
    except (OSError, http.client.HTTPException):
        return {}
    else:
        return answer
    finally:
        connection.close()


def test_the_ui_shows_the_stores_runs_and_ctrl_c_ends_it(
    astrid: AstridSession, tmp_path: Path
) -> None:
    (tmp_path / "w.bin").write_bytes(b"weights")
    run_id = astrid.mlflow.create_run("shown")
    astrid.mlflow.store_model_artifact(str(tmp_path / "w.bin"), run_id)
    experiment_id = astrid.mlflow.client().get_run(run_id).info.experiment_id
    port = free_port()
    words = ("mlflow", "--store", str(astrid.home), "--port", str(port))
    server = subprocess.Popen(
        [sys.executable, "-c", ASTRID, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=child_environment({"COLUMNS": "100"}),
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        question = {"experiment_ids": [experiment_id], "max_results": 10}
        found: dict[str, object] = {}
        while not found and time.monotonic() < deadline and server.poll() is None:
            found = asked(port, "/api/2.0/mlflow/runs/search", question)
            time.sleep(0.2)
        assert run_id in json.dumps(found)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"/get-artifact?path=model/w.bin&run_uuid={run_id}")
        assert connection.getresponse().read() == b"weights"
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does for Ctrl-C
        server.wait(timeout=STOP_TIMEOUT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        output, _ = server.communicate(timeout=STOP_TIMEOUT_S)
    assert f"MLflow UI: http://127.0.0.1:{port}" in output
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_one_line(astrid: AstridSession) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = mistake("mlflow", "--store", astrid.home, "--port", port)
    assert "choose another --port" in said


def test_only_the_servers_own_environment_enters_the_bucket() -> None:
    config = StorageConfig(
        "account", "key-id", SECRET, "a-bucket", r2_endpoint_url="http://127.0.0.1:9"
    )
    with astrid_sdk.connect(config=config) as session:
        start = session.mlflow_server("127.0.0.1", 5001)
    assert start.environment["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert start.environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert SECRET not in repr(start) + " ".join(start.command)
    assert "s3://a-bucket/artifacts/mlflow" in start.command
    assert "AWS_SECRET_ACCESS_KEY" not in child_environment({})


def test_runs_on_a_server_are_looked_at_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTRID_MLFLOW_TRACKING_URI", "https://runs.example.org")
    with (
        astrid_sdk.connect(tmp_path) as session,
        pytest.raises(InvalidInputError, match=r"open https://runs.example.org in a browser"),
    ):
        session.mlflow_server("127.0.0.1", 5001)
