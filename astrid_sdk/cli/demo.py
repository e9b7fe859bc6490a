"""``astrid demo``: images in, found transients out, through the real assets."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from astrid_sdk.catalog.ingest import IngestReport
from astrid_sdk.cli.dagster_runs import ChainRun, run_chain
from astrid_sdk.cli.demo_input import DemoInput, folder_input, simulated_input
from astrid_sdk.cli.demo_pictures import write_pictures, write_tables
from astrid_sdk.cli.demo_report import DemoReport
from astrid_sdk.cli.demo_score import night_results
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.session import AstridSession

_CHAIN = ("raw_observations", "processed_observations", "reference_images", "detections")


def run_demo(
    session: AstridSession, store: str, images: Path | None, console: Console
) -> DemoReport:
    """Run the main job and return its facts.

    Parameters
    ----------
    session : AstridSession
    store : str
        The folder that was asked for, or "" for what `connect()` opens.
    images : Path, optional
        A folder of images; by default a survey is simulated.
    console : rich.console.Console
        Where progress goes.

    Raises
    ------
    AstridError
        The images or the store cannot be used.
    """
    started = time.monotonic()
    session.prepare()
    with _stages(console) as stage:
        given = _input(session, images, stage)
        if given.guess:
            console.print(given.guess, soft_wrap=True, highlight=False)
        reports = _ingest(session, given, stage)
        nights = sorted({night for report in reports for night in report.nights})
        chain = run_chain(session, store, nights, stage("materialising"))
        found = _of_this_input(chain.manifests(session, "detections"), reports[1])
        return _report(session, store, given, reports, chain, found, started)


def _input(session: AstridSession, images: Path | None, stage: "_Stage") -> DemoInput:
    if images is not None:
        return folder_input(images)
    tell = stage("simulating a survey")
    return simulated_input(session.home / "demo-survey", lambda said: tell(0, 0, said))


def _ingest(session: AstridSession, given: DemoInput, stage: "_Stage") -> list[IngestReport]:
    tell = stage("ingesting")
    references = session.ingest_files(given.references, purpose="reference", progress=tell)
    return [references, session.ingest_files(given.science, purpose="science", progress=tell)]


def _of_this_input(nights: dict[str, Manifest], science: IngestReport) -> dict[str, Manifest]:
    """Return the manifests of `nights` with the frames of `science` only, without empty ones."""
    hashes = {file.content_hash for file in science.files}
    kept = {}
    for night, manifest in nights.items():
        items = tuple(item for item in manifest.items if item.raw_hash in hashes)
        if items:
            kept[night] = Manifest(manifest.asset, night, items, manifest.skipped, manifest.notes)
    return kept


def _report(  # noqa: PLR0913 - the parts of a run, each named once
    session: AstridSession,
    store: str,
    given: DemoInput,
    reports: Sequence[IngestReport],
    chain: ChainRun,
    found: dict[str, Manifest],
    started: float,
) -> DemoReport:
    names = {(night, item.name) for night, made in found.items() for item in made.items}
    table = session.detections().only(names)
    pictures = session.home / "pictures"
    csv_path, ds9_path = write_tables(table, pictures)
    version = session.datasets.list("transients")[-1]
    return DemoReport(
        where=f"{session.r2.describe()}, bucket {session.bucket}",
        tiers=session.totals(),
        nights=night_results(session, found, table, given.truth),
        content_hashes=session.content_hashes(),
        dataset_version=f"v{version.number}",
        dataset_is_new=chain.dataset_is_new,
        steps_executed=chain.executed,
        steps_reused=chain.reused,
        skipped=_skipped(session, reports, chain),
        pictures=write_pictures(session, found, pictures),
        picture_folder=pictures,
        csv_path=csv_path,
        ds9_path=ds9_path,
        detections=table,
        elapsed_s=time.monotonic() - started,
        next_commands=_next(store, found),
    )


def _skipped(
    session: AstridSession, reports: Sequence[IngestReport], chain: ChainRun
) -> list[tuple[str, str]]:
    """Return name and reason of each file that was left out, in the order of the chain."""
    told = [(skip.name, skip.reason) for report in reports for skip in report.skipped]
    for asset in _CHAIN:
        for manifest in chain.manifests(session, asset).values():
            told += [(skip.name, skip.reason) for skip in manifest.skipped]
    return list(dict.fromkeys(told))


def _next(store: str, found: dict[str, Manifest]) -> list[tuple[str, str]]:
    option = f" --store {store}" if store else ""
    commands = [
        (f"astrid ui{option}", "the Dagster UI: every step, every night"),
        (f"astrid find{option} --tier detections", "what is stored"),
    ]
    items = [item for manifest in found.values() for item in manifest.items]
    if items:
        why = f"astrid why{option} {items[0].content_hash[:8]}"
        commands.append((why, "from detections back to the raw file"))
    return commands


_Stage = Callable[[str], Callable[[int, int, str], None]]


@contextmanager
def _stages(console: Console) -> Iterator[_Stage]:
    """Yield a function that opens a progress bar and returns what moves it."""
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=console) as bars:

        def stage(description: str) -> Callable[[int, int, str], None]:
            task = bars.add_task(description, total=None, said="")
            return lambda done, total, said: _move(bars, task, done, total, said)

        yield stage


def _move(bars: Progress, task: TaskID, done: int, total: int, said: str) -> None:
    bars.update(task, completed=done, total=total or None, said=said)
