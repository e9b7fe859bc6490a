"""The notebooks run from top to bottom on what the demo stored."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]


def test_first_light_runs_on_the_demo_store(
    demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTRID_STORE", str(demo_store))
    notebook = nbformat.read(ROOT / "notebooks" / "01_first_light.ipynb", as_version=4)

    done = NotebookClient(notebook, timeout=240, kernel_name="python3").execute()

    shown = [output for cell in done.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert any("raw-observations" in page and "reachable" in page for page in pages)
    assert sum("data:image/png;base64," in page for page in pages) >= 3
    assert any("subtract" in output["data"].get("text/plain", "") for output in shown if "data" in output)


def test_notebooks_are_kept_without_outputs() -> None:
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), path.name
