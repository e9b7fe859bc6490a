"""What every test stands on: a clean environment, and one policy for what a machine may lack."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from astrid_sdk.config import child_environment

pytest_plugins = ["servers"]

ROOT = Path(__file__).resolve().parents[1]
ASTRID = "from astrid_sdk.cli.main import main; main(prog_name='astrid')"
OURS = ("ASTRID_", "AWS_", "DAGSTER_", "MLFLOW_")
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# Fixtures that take many seconds.
DEAR = (
    "fields",
    "mlflow_database",
    "demo_store",
    "first_run",
    "bad_run",
    "embedded",
    "ui",
    "small_survey",
    "made",
    "written",
)

# A shared machine is slow now and then, so no example has a deadline. CI draws the same examples
# each time: a run that fails there fails here too.
SLOW = [HealthCheck.too_slow]
settings.register_profile("default", deadline=None, suppress_health_check=SLOW)
settings.register_profile(
    "ci", settings.get_profile("default"), derandomize=True, database=None, print_blob=True
)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=5_000)


def is_ci() -> bool:
    """Return whether this machine is one that must have everything the tests want."""
    return child_environment({}).get("CI") == "true"


def pytest_configure() -> None:
    profile = "ci" if is_ci() else "default"
    settings.load_profile(child_environment({}).get("HYPOTHESIS_PROFILE", profile))


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in its own hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that stand on the same long work in one process, where it is done once."""
    for item in items:
        names: Sequence[str] = getattr(item, "fixturenames", ())
        for dear in DEAR:
            if dear in names:
                item.add_marker(pytest.mark.xdist_group(dear))
                break


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test with `reason`; on CI, where nothing may be missing, fail it."""
    if is_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require() -> Callable[[str], NoReturn]:
    """`skip_or_fail`, for a test that finds out itself that something is missing."""
    return skip_or_fail


@pytest.fixture(scope="session", autouse=True)
def clean_session() -> Iterator[None]:
    """Keep the developer's settings and credentials away from servers that outlive one test."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _forget_settings(monkeypatch)
        yield


@pytest.fixture(autouse=True)
def clean_environment(
    clean_session: None,  # noqa: ARG001 - only its order matters
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Start each test without our variables, in an empty folder: ./.astrid is the default store."""
    _forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store on which `astrid demo` has run. It is made once: read it, change nothing in it."""
    store = tmp_path_factory.mktemp("demo") / "store"
    command = [sys.executable, "-c", ASTRID, "demo", "--store", str(store)]
    subprocess.run(command, check=True, cwd=store.parent)
    return store


@pytest.fixture(scope="session")
def scenes() -> Path:
    """The scenes with known transients, kept beside a development checkout."""
    folder = ROOT.parent / "shared" / "data" / "scenes"
    if not folder.is_dir():
        pytest.skip("the real scenes are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser that page tests drive."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return Path(found)
    skip_or_fail("no Chromium or Chrome on this machine")


def _forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in child_environment({}):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
