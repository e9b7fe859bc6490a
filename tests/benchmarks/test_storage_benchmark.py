"""What the benchmark promises its readers: a table, goals that mean something, an exit code."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from servers import MotoServer

from astrid_sdk.config import child_environment

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--size", "9MiB", "--count", "5", "--keys", "30", "--rounds", "1", "--who", "astrid")
MEASURED_JOBS = (
    *("file-store", "file-store-again", "file-retrieve"),
    *("files-store", "files-store-again", "files-retrieve"),
    *("cutout", "listing"),
)


def measurement(**changes: Any) -> dict[str, Any]:
    """One job, as it is kept in the file of a run."""
    counts = {"requests": 1, "sent_bytes": 0, "received_bytes": 0}
    return {"seconds": 1.0, "cpu_seconds": 1.0, "growth_mib": 10.0} | counts | changes


def kept_run(folder: Path, measurements: Mapping[str, Mapping[str, list[Any]]]) -> Path:
    """Write a run with these measurements as --json keeps it."""
    facts = {"place": "x", "size_bytes": 1 << 30, "count": 2000, "keys": 1, "rounds": 1}
    facts |= {"note": "", "files": "memory"}
    path = folder / "run.json"
    path.write_text(json.dumps({"facts": facts, "measurements": measurements}))
    return path


def benchmark(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run the benchmark; return its exit code and what it printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.storage", *arguments],
        cwd=ROOT,
        env=child_environment(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stdout


def goal_line(printed: str, start: str) -> str:
    return next(line for line in printed.splitlines() if line.startswith(start))


def test_each_job_can_be_done_in_a_folder(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    code, _ = benchmark(*SMALL, "--json", str(kept))
    run = json.loads(kept.read_text())
    assert code == 0
    assert run["failures"] == {}
    assert {job: list(who) for job, who in run["measurements"].items()} == {
        job: ["astrid"] for job in MEASURED_JOBS
    }
    assert all(found["astrid"][0]["requests"] > 0 for found in run["measurements"].values())


def test_each_job_can_be_done_on_a_server(moto_server: MotoServer, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    benchmark(
        *(*SMALL, "--who", "boto3", "--json", str(kept), "--endpoint", moto_server.endpoint_url),
        environment={
            "ASTRID_R2_ACCESS_KEY_ID": moto_server.access_key_id,
            "ASTRID_R2_SECRET_ACCESS_KEY": moto_server.secret_access_key,
        },
    )
    run = json.loads(kept.read_text())
    assert run["failures"] == {}
    took_part = {job: set(who) for job, who in run["measurements"].items()}
    assert {job for job, who in took_part.items() if "astrid" in who} == set(MEASURED_JOBS)
    assert "boto3" in took_part["listing"]


def test_requests_and_memory_are_as_promised_in_a_folder() -> None:
    code, printed = benchmark(
        *("--size", "64MiB", "--count", "1000", "--keys", "100", "--rounds", "1"),
        *("--who", "astrid", "--assert-requests-and-memory"),
    )
    assert code == 0, printed


def test_a_secret_is_not_printed(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    secret = "s3cr3t-" + "x" * 20
    _, printed = benchmark(
        *(*SMALL, "--only", "cutout", "--json", str(kept)),
        environment={"ASTRID_R2_SECRET_ACCESS_KEY": secret},
    )
    assert secret not in printed + kept.read_text()


def test_the_best_number_of_threads_counts_and_is_named(tmp_path: Path) -> None:
    found = {
        "astrid": [measurement(seconds=1.4)],
        "obstore, 8 threads": [measurement(seconds=3.0), measurement(seconds=2.0)],
        "obstore, 16 threads": [measurement(seconds=1.0)],
    }
    _, printed = benchmark("--show", str(kept_run(tmp_path, {"files-store": found})))
    assert "obstore, 16 threads" in printed
    assert "obstore, 8 threads" not in printed
    assert goal_line(printed, "store small files").split()[-4:] == ["1.40", "<=", "1.5", "met"]


def test_a_goal_that_is_missed_is_said_and_is_no_failure(tmp_path: Path) -> None:
    found = {"astrid": [measurement(seconds=1.6)], "obstore": [measurement(seconds=1.0)]}
    code, printed = benchmark("--show", str(kept_run(tmp_path, {"files-store": found})))
    assert goal_line(printed, "store small files").endswith("NOT MET")
    assert code == 0


def test_a_goal_whose_peer_took_no_part_is_not_measured(tmp_path: Path) -> None:
    found = {"astrid": [measurement()]}
    _, printed = benchmark("--show", str(kept_run(tmp_path, {"files-store": found})))
    assert goal_line(printed, "store small files").endswith("not measured")


@pytest.mark.parametrize(
    ("job", "changes"),
    [
        ("file-store", {"growth_mib": 201.0}),
        ("file-store-again", {"requests": 2}),
        ("file-retrieve", {"growth_mib": 201.0}),
        ("files-store-again", {"requests": 9}),
        ("files-store-again", {"sent_bytes": 1}),
    ],
)
def test_a_missed_goal_about_requests_or_memory_fails_the_assertion(
    job: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    broken = kept_run(tmp_path, {job: {"astrid": [measurement(**changes)]}})
    assert benchmark("--assert-requests-and-memory", "--show", str(broken))[0] == 1


def test_goals_about_requests_and_memory_that_are_met_pass_the_assertion(tmp_path: Path) -> None:
    sound = kept_run(tmp_path, {job: {"astrid": [measurement()]} for job in MEASURED_JOBS})
    assert benchmark("--assert-requests-and-memory", "--show", str(sound))[0] == 0


def test_the_largest_growth_of_all_rounds_counts(tmp_path: Path) -> None:
    rounds = [measurement(seconds=2.0, growth_mib=500.0), measurement(seconds=1.0)]
    run = kept_run(tmp_path, {"file-store": {"astrid": rounds}})
    assert benchmark("--assert-requests-and-memory", "--show", str(run))[0] == 1


@pytest.mark.parametrize(("who", "exit_code"), [("boto3", 0), ("astrid", 1)])
def test_who_fails_is_named_with_the_reason_and_only_our_failure_counts(
    who: str, exit_code: int, tmp_path: Path
) -> None:
    run = json.loads(kept_run(tmp_path, {}).read_text())
    run["failures"] = {f"file-store, {who}": "refused"}
    path = tmp_path / "failed.json"
    path.write_text(json.dumps(run))
    code, printed = benchmark("--assert-requests-and-memory", "--show", str(path))
    assert f"failed: file-store, {who} (refused)" in printed
    assert code == exit_code


def test_a_size_without_a_unit_that_is_known_is_refused() -> None:
    code, _ = benchmark("--size", "1 parsec")
    assert code == 2


def test_goals_about_time_are_not_held_against_a_folder(tmp_path: Path) -> None:
    found = {"astrid": [measurement(seconds=9.0)], "obstore": [measurement(seconds=1.0)]}
    run = json.loads(kept_run(tmp_path, {"files-store": found}).read_text())
    run["facts"]["place"] = "a folder"
    path = tmp_path / "folder.json"
    path.write_text(json.dumps(run))
    _, printed = benchmark("--show", str(path))
    assert "NOT MET" not in printed
    assert "times of obstore" not in printed
