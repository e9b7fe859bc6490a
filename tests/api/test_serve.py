"""`astrid serve`, `uvicorn astrid_sdk.api:app`, and what their log says."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from api.here import Here
from api.serving_process import free_port, serving
from click.testing import CliRunner

import astrid_sdk
from astrid_sdk import observe
from astrid_sdk.cli.main import main
from astrid_sdk.config import child_environment
from astrid_sdk.observe import Event


def test_it_serves_the_store_and_writes_a_line_per_request(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as process:
        headers = {"X-Request-ID": "from-outside"}
        sent = httpx.post(f"{process.url}/storage/upload", content=b"x", headers=headers).json()
        lines = [line for line in process.log.read_text().splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in lines]
    (upload,) = [each for each in told if each.get("operation") == "upload"]
    assert (upload["request_id"], upload["status"]) == ("from-outside", 201)
    with astrid_sdk.connect(tmp_path / "store") as session:
        assert session.cas.retrieve_data(sent["content_hash"]) == b"x"


def test_it_stops_when_it_is_told_to_and_ends_what_is_under_way(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as process:
        content = bytes(30_000_000)
        sent = httpx.post(f"{process.url}/storage/upload", content=content).json()
        url = f"{process.url}/storage/download/{sent['content_hash']}"
        with httpx.stream("GET", url) as answer:
            pieces = answer.iter_raw()
            got = len(next(pieces))
            os.kill(process.pid, signal.SIGTERM)
            got += sum(map(len, pieces))
        assert got == len(content)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::"])  # noqa: S104 - to be refused
def test_it_does_not_listen_to_the_network_without_keys(tmp_path: Path, host: str) -> None:
    command = [sys.executable, "-c", "from astrid_sdk.cli.main import main; main()"]
    answer = subprocess.run(
        [*command, "serve", "--host", host, "--store", str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "this machine only" in answer.stderr


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from astrid_sdk.cli.main import main; main()"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = subprocess.run(
            [*command, "serve", "--port", port, "--store", str(tmp_path / "store")],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert (answer.returncode, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert f"cannot listen on 127.0.0.1:{port} because another program does" in line


def test_it_answers_as_soon_as_it_is_announced_and_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command = [sys.executable, "-c", f"{heed}from astrid_sdk.cli.main import main; main()"]
    port = free_port()
    process = subprocess.Popen(
        [*command, "serve", "--port", str(port), "--store", str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment({"PYTHONUNBUFFERED": "1"}),
    )
    assert process.stdout is not None
    assert f"http://127.0.0.1:{port}" in process.stdout.readline()
    assert f"a new one is in folder {tmp_path / 'store'}" in process.stdout.readline()
    assert httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=60).status_code == 200
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(line.startswith("{") for line in said.splitlines()), said


def test_uvicorn_serves_the_store_of_the_environment(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "astrid_sdk.api:app", "--port", str(port)],
        env=child_environment({"ASTRID_STORE": str(tmp_path / "store")}),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 90
        while (found := _asked(f"http://127.0.0.1:{port}/health/ready")) is None:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert found["status"] == "ready"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _asked(url: str) -> Any:
    try:
        return httpx.get(url).json()
    except httpx.TransportError:
        return None


def test_help_says_what_it_does() -> None:
    answer = CliRunner().invoke(main, ["serve", "--help"])
    assert "REST" in answer.output or "HTTP" in answer.output
    assert "this machine only" in answer.output


def test_storage_events_carry_the_id_of_the_request(here: Here) -> None:
    heard: list[Event] = []
    with observe.subscribe(heard.append):
        here.client.post("/storage/upload", content=b"x", headers={"X-Request-ID": "mine"})
        here.client.get("/storage/find", headers={"X-Request-ID": "other"})
    by_verb = {event.verb: event.call_id for event in heard}
    assert by_verb["put"] == "mine"
    assert {event.call_id for event in heard} == {"mine", "other"}


def test_the_log_has_fields_for_programs(here: Here, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "astrid_sdk.api")
    here.client.get("/storage/find", headers={"X-Request-ID": "mine"})
    here.client.get("/health/live")  # the line of the first is written by now
    fields: list[dict[str, Any]] = [getattr(each, "fields", {}) for each in caplog.records]
    (told,) = [each for each in fields if each.get("request_id") == "mine"]
    assert (told["operation"], told["status"], told["caller"]) == ("find", 200, "local user")


def test_requests_and_their_storage_operations_are_spans(here: Here) -> None:
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
        InMemorySpanExporter,
    )

    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    before = trace.get_tracer_provider
    trace.get_tracer_provider = lambda: provider  # for here only
    try:
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        here.client.post("/storage/upload", content=b"x", headers={"traceparent": parent})
        here.client.get("/health/live")
    finally:
        trace.get_tracer_provider = before
    spans = {span.name: span for span in kept.get_finished_spans()}
    upload: Any = spans["upload"]
    below: Any = spans["storage put"]
    assert upload.context.trace_id == 0x0AF7651916CD43DD8448EB211C80319C
    assert below.parent.span_id == upload.context.span_id
    assert upload.attributes["http.response.status_code"] == 201
