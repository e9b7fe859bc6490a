"""What a code version promises; each in a fresh process, over a copy of the package."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import astrid_sdk
from astrid_sdk.catalog.steps.code_version import code_version
from astrid_sdk.config import child_environment
from astrid_sdk.errors import InvalidInputError

ASK = """
from astrid_sdk.catalog.steps.code_version import code_version
from astrid_sdk.pipeline.steps import collect
from astrid_sdk.datasets import manifest_step
print(code_version(manifest_step._write_manifest, ("numpy",)))
print(code_version(collect._run, ("numpy",)))
from astrid_sdk.catalog.steps.code_version import is_counted, module_sources
print(*module_sources("probe", is_counted))
"""
PROBE = """
from astrid_sdk.sky import night
from astrid_sdk.storage.base import ObjectStorage
def step(): pass
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    source = Path(astrid_sdk.__file__).parent
    shutil.copytree(source, tmp_path / "astrid_sdk", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "probe.py").write_text(PROBE)
    return tmp_path


def ask(package: Path) -> list[str]:
    environment = child_environment({"PYTHONPATH": str(package)})
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=package, env=environment, capture_output=True, check=True
    )
    return done.stdout.decode().splitlines()


def touch(package: Path, module: str) -> None:
    with (package / "astrid_sdk" / module).open("a") as file:
        file.write("\n# changed\n")


def test_it_changes_with_the_steps_module_and_the_modules_that_imports(package: Path) -> None:
    manifest, collect, _ = ask(package)
    touch(package, "datasets/manifest.py")
    changed, same, _ = ask(package)
    assert changed != manifest
    assert same == collect
    touch(package, "pipeline/steps/collect.py")
    assert ask(package)[1] != collect


def test_it_does_not_change_with_storage_or_catalogue(package: Path) -> None:
    before = ask(package)
    for module in ("storage/base.py", "catalog/search/finding.py", "errors.py"):
        touch(package, module)
    assert ask(package) == before


def test_a_module_imported_from_its_package_counts(package: Path) -> None:
    assert ask(package)[2].split() == ["astrid_sdk.sky", "astrid_sdk.sky.night", "probe"]


def test_library_versions_count() -> None:
    numpy, scipy = (code_version(ask, (name,)) for name in ("numpy", "scipy"))
    assert numpy != scipy


def test_a_function_without_a_source_file_is_refused_with_what_to_do() -> None:
    namespace: dict[str, object] = {"__name__": "notebook_cell"}
    exec("def step(): pass", namespace)  # noqa: S102 - as a notebook cell does
    with pytest.raises(InvalidInputError, match="source file"):
        code_version(namespace["step"], ())
