"""Starts Dagster: the only module outside `dagster_defs` that knows it.

The chain runs through the real assets on a persistent instance in the session's home folder, so
that the Dagster UI shows afterwards what ran.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg

from astrid_sdk.cli.program import heed_interrupts
from astrid_sdk.config import child_environment
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.ports import require_free_port
from astrid_sdk.session import AstridSession
from dagster_defs.definitions import build_definitions
from dagster_defs.metadata import CONTENT_HASH, EXECUTED, IS_NEW, REUSED
from dagster_defs.partitions import NIGHTS

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_SETTINGS = "telemetry:\n  enabled: false\n"
# Capturing output starts four processes per run and takes the terminal away from the progress bar.
_IN_PROCESS_SETTINGS = f"""\
{_SETTINGS}compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
_WORKSPACE_SETTINGS = """\
load_from:
  - python_module: {module_name: dagster_defs.definitions, location_name: astrid}
"""
_IN_PROCESS, _WORKSPACE = "in-process.yaml", "workspace.yaml"
_FILES = {
    "dagster.yaml": _SETTINGS,
    _IN_PROCESS: _IN_PROCESS_SETTINGS,
    _WORKSPACE: _WORKSPACE_SETTINGS,
}

_SUPERSEDED = "ignore:Function `dev_command` is superseded"  # `dg dev` wants a project's folder

Progress = Callable[[int, int, str], None]
"""Called with runs done, runs in all, and what runs now."""


@dataclass(frozen=True, slots=True)
class Materialisation:
    """What one asset made for one partition, as Dagster recorded it."""

    asset: str
    night: str
    content_hash: str
    executed: int
    reused: int
    is_new_version: bool = False


@dataclass(slots=True)
class ChainRun:
    """All materialisations of one run of the chain."""

    materialisations: list[Materialisation] = field(default_factory=list)

    @property
    def executed(self) -> int:
        """Steps computed now."""
        return sum(made.executed for made in self.materialisations)

    @property
    def reused(self) -> int:
        """Steps that had been computed before."""
        return sum(made.reused for made in self.materialisations)

    @property
    def dataset_is_new(self) -> bool:
        """Whether a dataset version was made."""
        return any(made.is_new_version for made in self.materialisations)

    def manifests(self, session: AstridSession, asset: str) -> dict[str, Manifest]:
        """Return what `asset` made, by night ("" without partitions)."""
        return {
            made.night: session.manifest(made.content_hash)
            for made in self.materialisations
            if made.asset == asset
        }


def instance_folder(session: AstridSession) -> Path:
    """Return the folder of the session's Dagster instance, made ready."""
    folder = session.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def run_chain(session: AstridSession, nights: Sequence[str], progress: Progress) -> ChainRun:
    """Materialise every asset of the chain for `nights`, then a dataset version.

    Parameters
    ----------
    session : AstridSession
        What the assets work with.
    nights : sequence of str
    progress : callable

    Raises
    ------
    AstridError
        What an asset raised.
    """
    resource = dg.ResourceDefinition.hardcoded_resource(session)
    job = build_definitions(resource).resolve_implicit_global_asset_job_def()
    done = ChainRun()
    with _instance(session, nights) as instance:
        plan = list(_plan(nights))
        for number, (assets, night) in enumerate(plan):
            progress(number, len(plan), f"{', '.join(assets)} {night or ''}".strip())
            result = _execute(job, instance, assets, night)
            done.materialisations += _materialisations(result, night)
        progress(len(plan), len(plan), "")
    return done


def _instance(session: AstridSession, nights: Sequence[str] = ()) -> dg.DagsterInstance:
    """Return the session's instance for this process; it knows `nights` and all that are stored."""
    instance = dg.DagsterInstance.from_config(str(instance_folder(session)), _IN_PROCESS)
    instance.add_dynamic_partitions(str(NIGHTS.name), sorted({*session.survey.nights(), *nights}))
    return instance


def _plan(nights: Sequence[str]) -> Iterator[tuple[Sequence[str], str | None]]:
    """Yield which assets to materialise for which night, upstream first."""
    for night in nights:
        yield ("raw_observations",), night
    yield ("calibration_frames",), None
    for night in nights:
        yield ("processed_observations",), night
    yield ("reference_images",), None
    for night in nights:
        yield ("difference_images", "detections"), night
    yield ("datasets",), None


def _execute(
    job: dg.JobDefinition, instance: dg.DagsterInstance, assets: Sequence[str], night: str | None
) -> dg.ExecuteInProcessResult:
    # what an asset raises comes out as it was raised
    return job.execute_in_process(
        run_config=_QUIET,
        instance=instance,
        partition_key=night,
        asset_selection=[dg.AssetKey(asset) for asset in assets],
    )


def _materialisations(
    result: dg.ExecuteInProcessResult, night: str | None
) -> Iterator[Materialisation]:
    for event in result.get_asset_materialization_events():
        metadata: dict[str, Any] = {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        yield Materialisation(
            asset=event.materialization.asset_key.to_user_string(),
            night=night or "",
            content_hash=metadata[CONTENT_HASH],
            executed=metadata[EXECUTED],
            reused=metadata[REUSED],
            is_new_version=bool(metadata.get(IS_NEW, False)),
        )


def run_ui(session: AstridSession, store: str, command: list[str]) -> NoReturn:
    """Become the Dagster UI: this process turns into it, so that signals reach what they stop.

    Parameters
    ----------
    session : AstridSession
    store : str
        The folder that was asked for, or "" for what `connect()` opens.
    command : list of str
        From `ui_command`.
    """
    heed_interrupts()
    os.execve(command[0], command, ui_environment(session, store))  # noqa: S606 - as is meant


def ui_command(session: AstridSession, host: str, port: int) -> list[str]:
    """Return the command that starts the Dagster UI, on an instance that knows every night.

    Raises
    ------
    InvalidInputError
        Something listens on `port` already.
    """
    require_free_port(host, port)
    _instance(session).dispose()
    dagster = str(Path(sys.executable).with_name("dagster"))
    workspace = str(instance_folder(session) / _WORKSPACE)
    return [dagster, "dev", "-w", workspace, "-h", host, "-p", str(port)]


def ui_environment(session: AstridSession, store: str) -> dict[str, str]:
    """Return the environment for `ui_command`: the instance, and the store the assets open."""
    chosen = {"ASTRID_STORE": str(Path(store).absolute())} if store else {}
    # A folder that was asked for wins over a configured bucket, here as in connect().
    unset = {name: "" for name in child_environment({}) if store and name.startswith("ASTRID_R2_")}
    told = child_environment({}).get("PYTHONWARNINGS", "")
    quiet = {"PYTHONWARNINGS": f"{_SUPERSEDED},{told}".rstrip(",")}
    home = {"DAGSTER_HOME": str(instance_folder(session))}
    return child_environment({**home, **quiet, **unset, **chosen})
