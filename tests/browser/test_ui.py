"""``astrid ui``: what an operator sees in the browser, and a run that is started there."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from defs.small_surveys import REFERENCE_NIGHT, SCIENCE_NIGHT, ingest_small
from playwright.sync_api import Page, expect, sync_playwright

from astrid_sdk.cli.dagster_runs import run_chain
from astrid_sdk.config import child_environment
from astrid_sdk.pipeline.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
# As a script's background job is started.
IGNORE_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
ASTRID = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
START_TIMEOUT_S, RUN_TIMEOUT_S, STOP_TIMEOUT_S = 240.0, 240.0, 120.0
PAGE_TIMEOUT_MS = 60_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAUNCH = """
mutation Launch($night: String!) {
  launchRun(executionParams: {
    selector: {
      repositoryName: "__repository__", repositoryLocationName: "astrid",
      jobName: "__ASSET_JOB", assetSelection: [{path: ["detections"]}]
    },
    executionMetadata: {tags: [{key: "dagster/partition", value: $night}]},
    runConfigData: {}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) { ... on Run { status runConfigYaml } }
}
"""
MATERIALISATIONS = """
query Latest($night: String!) {
  assetOrError(assetKey: {path: ["detections"]}) { ... on Asset {
    assetMaterializations(partitions: [$night], limit: 1) {
      runId metadataEntries { label ... on IntMetadataEntry { intValue } }
    }
  } }
}
"""


@dataclass(frozen=True)
class Ui:
    """A running UI, and what the detections of the science night are."""

    port: int
    manifest_hash: str
    detections: Manifest
    differences: Manifest

    def url(self, page: str) -> str:
        return f"http://127.0.0.1:{self.port}{page}"

    def ask(self, query: str, **variables: str) -> Any:
        """Return what the GraphQL API answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            body = json.dumps({"query": query, "variables": variables})
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        assert "errors" not in answer, answer
        return answer["data"]


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """`astrid ui` on a small survey that went through the chain; no process of it may remain."""
    folder = tmp_path_factory.mktemp("ui")
    store = folder / "store"
    with ingest_small(store, folder / "frames") as session:
        run = run_chain(session, [REFERENCE_NIGHT, SCIENCE_NIGHT], lambda *_: None)
        made = next(
            made
            for made in run.materialisations
            if (made.asset, made.night) == ("detections", SCIENCE_NIGHT)
        )
        shown = Ui(
            _free_port(),
            made.content_hash,
            run.manifests(session, "detections")[SCIENCE_NIGHT],
            run.manifests(session, "difference_images")[SCIENCE_NIGHT],
        )
    log = folder / "ui.log"
    with _server(["ui", "--store", str(store), "--port", str(shown.port)], log):
        _wait(lambda: _answers(shown.port), START_TIMEOUT_S, log)
        yield shown


@pytest.fixture(scope="module")
def page(
    chromium: Path,
    ui: Ui,  # noqa: ARG001 - first: the chain needs the event loop that Playwright then holds
) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1500, "height": 1300})
        page.set_default_timeout(PAGE_TIMEOUT_MS)
        yield page
        browser.close()


@pytest.mark.browser
def test_the_page_of_a_night_shows_numbers_picture_and_hashes(
    page: Page, ui: Ui, tmp_path: Path
) -> None:
    _open(page, ui.url(f"/assets/detections?view=partitions&partition={SCIENCE_NIGHT}"))
    (item,), (difference,) = ui.detections.items, ui.differences.items
    _sees(page, SCIENCE_NIGHT, "Materialized")
    _sees(page, "found_per_megapixel", "steps_executed", "dagster/row_count", "size_bytes")
    _sees(page, ui.manifest_hash, item.content_hash)
    _sees(page, "upstream_hashes", difference.content_hash)
    page.screenshot(path=tmp_path / "night.png", full_page=True)
    assert (tmp_path / "night.png").stat().st_size > 0

    page.get_by_text("Show Markdown").first.click()
    picture = page.locator("img[src^='data:image/png;base64,']")
    expect(picture).to_be_visible(timeout=PAGE_TIMEOUT_MS)
    assert picture.evaluate("image => image.naturalWidth") > 100


@pytest.mark.browser
def test_the_overview_shows_the_tier_as_group_and_its_check(page: Page, ui: Ui) -> None:
    _open(page, ui.url("/assets/detections?view=overview"))
    _sees(page, "Group", "tier: detections", "Row count", "Latest check results")
    expect(page.locator("a[href*='group']", has_text="detections").first).to_be_visible()


@pytest.mark.browser
def test_the_lineage_has_a_group_per_tier(page: Page, ui: Ui) -> None:
    _open(page, ui.url("/asset-groups"))
    for group in (
        "raw_observations",
        "processed_observations",
        "difference_images",
        "detections",
        "datasets",
    ):
        _sees(page, group)


@pytest.mark.browser
def test_a_run_that_is_started_in_the_ui_uses_the_same_store(ui: Ui) -> None:
    launched = ui.ask(LAUNCH, night=SCIENCE_NIGHT)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    _wait(lambda: _status(ui, run_id) in {"SUCCESS", "FAILURE", "CANCELED"}, RUN_TIMEOUT_S)
    assert _status(ui, run_id) == "SUCCESS"
    assert ui.ask(RUN, id=run_id)["runOrError"]["runConfigYaml"].strip() == "{}"
    (made,) = ui.ask(MATERIALISATIONS, night=SCIENCE_NIGHT)["assetOrError"]["assetMaterializations"]
    numbers = {entry["label"]: entry.get("intValue") for entry in made["metadataEntries"]}
    assert made["runId"] == run_id
    assert (numbers["steps_executed"], numbers["steps_reused"]) == (0, 2)


def _open(page: Page, url: str) -> None:
    page.goto(url)
    skip = page.get_by_role("button", name="Skip")
    page.add_locator_handler(skip, skip.click)  # a dialog on the first visit


def _sees(page: Page, *texts: str) -> None:
    for text in texts:
        shown = page.get_by_text(text).locator("visible=true").first
        expect(shown).to_be_visible(timeout=PAGE_TIMEOUT_MS)


def _status(ui: Ui, run_id: str) -> str:
    return str(ui.ask(RUN, id=run_id)["runOrError"]["status"])


@contextlib.contextmanager
def _server(words: list[str], log: Path) -> Iterator[None]:
    """Run `astrid` with `words` in a process group of its own, and end that group."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", IGNORE_CTRL_C + ASTRID, *words],
            env=child_environment({"PYTHONPATH": str(ROOT)}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
        process.terminate()
        process.wait(STOP_TIMEOUT_S)
        _wait(lambda: not _group_lives(process.pid), STOP_TIMEOUT_S, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT_S)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait(done: Callable[[], bool], timeout_s: float, log: Path | None = None) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(log.read_text()[-3000:] if log else "it took too long", pytrace=False)
        time.sleep(0.3)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
