"""Tools that do the same jobs: DVC, MLflow's artifact client, s5cmd."""

import importlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from astrid_sdk.config import child_environment
from benchmarks.contenders import Contender
from benchmarks.inputs import Inputs
from benchmarks.memory import peak_until_end_kib
from benchmarks.servers import Place


class _Tool(Contender):
    """A program that is started for each job."""

    _most_kib = 0.0

    @override
    def program_kib(self) -> float:
        return self._most_kib

    def run(self, command: list[str], folder: Path, settings: dict[str, str]) -> None:
        """Run it; its errors go where ours go.

        Raises
        ------
        subprocess.CalledProcessError
            It failed.
        """
        with subprocess.Popen(  # noqa: S603 - the tool that is measured
            command,
            cwd=folder,
            env=child_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process:
            self._most_kib = max(self._most_kib, peak_until_end_kib(process))
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command[-4:])


class Dvc(_Tool):
    """``dvc add`` and ``dvc push`` of a copy of the files, as its tutorial does it."""

    title = "dvc"
    modules: ClassVar[tuple[str, ...]] = ("dvc",)
    works_on_folders = True

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        super().__init__(place, inputs, scratch, threads)
        self._folder = scratch / "dvc"
        if not self._folder.exists():
            self._folder.mkdir()
            self._begin()

    @override
    @classmethod
    def missing(cls, place: Place) -> str | None:
        if place.endpoint is not None and importlib.util.find_spec("dvc_s3") is None:
            return "dvc[s3] not installed"
        return super().missing(place)

    def file_store(self) -> None:
        """``dvc add`` and ``dvc push`` of the large file."""
        self._add_and_push("large.bin")

    def file_store_again(self) -> None:
        """``dvc push``, with nothing to push."""
        self._dvc("push")

    def file_retrieve(self) -> None:
        """``dvc pull`` into a folder without file and cache."""
        self._forget("large.bin")
        self._dvc("pull")

    def files_store(self) -> None:
        """``dvc add`` and ``dvc push`` of the folder."""
        self._add_and_push("small")

    def files_store_again(self) -> None:
        """``dvc push``, with nothing to push."""
        self._dvc("push")

    def files_retrieve(self) -> None:
        """``dvc pull`` into a folder without files and cache."""
        self._forget("small")
        self._dvc("pull")

    def _begin(self) -> None:
        self._dvc("init", "--no-scm", "--quiet")
        self._dvc("config", "core.analytics", "false")
        self._dvc("config", "core.check_update", "false")
        if self.place.endpoint is None:
            self._dvc("remote", "add", "--default", "bench", str(self.place.bucket_folder))
        else:
            self._dvc("remote", "add", "--default", "bench", f"s3://{self.place.bucket}/dvc")
            self._dvc("remote", "modify", "bench", "endpointurl", self.place.endpoint)
        for source in (self.inputs.large, self.inputs.small):
            if source.is_dir():
                shutil.copytree(source, self._folder / source.name)
            elif source.exists():
                shutil.copyfile(source, self._folder / source.name)

    def _add_and_push(self, name: str) -> None:
        self._dvc("add", "--quiet", name)
        self._dvc("push", "--quiet")

    def _forget(self, name: str) -> None:
        shutil.rmtree(self._folder / ".dvc" / "cache")
        gone = self._folder / name
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()

    def _dvc(self, *arguments: str) -> None:
        settings = {
            "DVC_NO_ANALYTICS": "true",
            "DVC_SITE_CACHE_DIR": str(self.scratch / "dvc-site"),
            "DVC_GLOBAL_CONFIG_DIR": str(self.scratch / "dvc-global"),
        }
        self.run([sys.executable, "-m", "dvc", *arguments], self._folder, settings)


class Mlflow(Contender):
    """MLflow's artifact repository, which `mlflow.log_artifact` stands on."""

    title = "mlflow"
    modules: ClassVar[tuple[str, ...]] = ("mlflow",)
    works_on_folders = True

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        super().__init__(place, inputs, scratch, threads)
        registry: Any = importlib.import_module(
            "mlflow.store.artifact.artifact_repository_registry"
        )
        folder = place.bucket_folder
        where = f"s3://{place.bucket}/mlflow" if place.endpoint else folder.as_uri()
        self._artifacts = registry.get_artifact_repository(where)

    def file_store(self) -> None:
        """`log_artifact`."""
        self._artifacts.log_artifact(str(self.inputs.large))

    def file_retrieve(self) -> None:
        """`download_artifacts`."""
        self._fetch(self.inputs.large.name)

    def files_store(self) -> None:
        """`log_artifacts` of the folder."""
        self._artifacts.log_artifacts(str(self.inputs.small), "small")

    def files_retrieve(self) -> None:
        """`download_artifacts` of the folder."""
        self._fetch("small")

    def _fetch(self, name: str) -> None:
        folder = self.destination
        folder.mkdir()
        self._artifacts.download_artifacts(name, str(folder))


class S5cmd(_Tool):
    """s5cmd, the fastest of the command-line tools."""

    title = "s5cmd"

    @override
    @classmethod
    def missing(cls, place: Place) -> str | None:
        return super().missing(place) or (None if _s5cmd() else "s5cmd not installed")

    def file_store(self) -> None:
        """``cp`` of the file, without a hash."""
        self._s5cmd("cp", str(self.inputs.large), f"s3://{self.place.bucket}/large")

    def file_retrieve(self) -> None:
        """``cp`` back, unverified."""
        self._s5cmd("cp", f"s3://{self.place.bucket}/large", str(self.destination))

    def files_store(self) -> None:
        """``cp`` of the folder."""
        self._s5cmd("cp", f"{self.inputs.small}/", f"s3://{self.place.bucket}/small/")

    def files_retrieve(self) -> None:
        """``cp`` of the folder back."""
        self._s5cmd("cp", f"s3://{self.place.bucket}/small/*", f"{self.destination}/")

    def _s5cmd(self, *arguments: str) -> None:
        program = _s5cmd()
        endpoint = self.place.endpoint
        assert program is not None  # noqa: S101 - else it would be missing
        assert endpoint is not None  # noqa: S101
        command = [program, "--log", "error", "--endpoint-url", endpoint, *arguments]
        self.run(command, self.scratch, {})


def _s5cmd() -> str | None:
    beside = Path(sys.executable).with_name("s5cmd")
    return str(beside) if beside.exists() else shutil.which("s5cmd")
