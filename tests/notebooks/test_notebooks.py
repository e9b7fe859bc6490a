"""The notebooks run from top to bottom on what the demo stored."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]


def run(name: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Run a notebook on `store` and return what its cells show, by media type."""
    monkeypatch.setenv("ASTRID_STORE", str(store))
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    done = NotebookClient(notebook, timeout=400, kernel_name="python3").execute()
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    return [output["data"] for output in outputs if "data" in output]


def pages(shown: list[dict[str, Any]]) -> list[str]:
    return [data["text/html"] for data in shown if "text/html" in data]


@pytest.fixture
def own_store(demo_store: Path, tmp_path: Path) -> Path:
    """A copy of the demo's store, to change."""
    return shutil.copytree(demo_store, tmp_path / "store")


def test_first_light_runs_on_the_demo_store(
    demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run("01_first_light", demo_store, monkeypatch)
    assert any("raw-observations" in page and "reachable" in page for page in pages(shown))
    assert sum("data:image/png;base64," in page for page in pages(shown)) >= 3
    assert any("subtract" in data.get("text/plain", "") for data in shown)


def test_a_transient_is_found_and_its_pairs_are_guarded(
    demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run("02_find_a_transient", demo_store, monkeypatch)
    texts = [data.get("text/plain", "") for data in shown]
    assert any("nothing found: no stored image has instrument 'SIMCAN'" in text for text in texts)
    assert any("contaminated by the brightest" in text for text in texts)
    assert sum("data:image/png;base64," in page for page in pages(shown)) >= 3


def test_from_labels_to_a_model_that_knows_its_data(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run("03_datasets_and_labels", own_store, monkeypatch)
    texts = [data.get("text/plain", "") for data in shown]
    assert any("1 relabelled" in text for text in texts)
    assert any(text.startswith("<no leak between the sides") for text in texts)
    assert any("leaks between the sides" in text for text in texts)
    shown = run("04_models_and_lineage", own_store, monkeypatch)
    texts = [data.get("text/plain", "") for data in shown]
    assert any("real-bogus v1" in text for text in texts)
    assert any("train_real_bogus" in text for text in texts)


def test_notebooks_are_kept_without_outputs() -> None:
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), path.name
