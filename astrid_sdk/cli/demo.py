"""``astrid demo``: images in, found transients out, through the real assets."""

import shlex
import time
from pathlib import Path

from rich.console import Console

from astrid_sdk.cli.dagster_runs import ChainRun, run_chain
from astrid_sdk.cli.demo_frames import DemoFrames
from astrid_sdk.cli.demo_input import DemoInput, folder_input, simulated_input
from astrid_sdk.cli.demo_pictures import write_pictures, write_tables
from astrid_sdk.cli.demo_report import DemoReport
from astrid_sdk.cli.demo_score import known_truth, night_results
from astrid_sdk.cli.program import program
from astrid_sdk.cli.progress import Stage, stages
from astrid_sdk.session import AstridSession

_DATASET = "transients"
_HASH_DIGITS = 8


def run_demo(
    session: AstridSession, store: str, images: Path | None, console: Console
) -> DemoReport:
    """Run the main job and return its facts.

    Parameters
    ----------
    session : AstridSession
        Prepared: its bucket is there.
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
    with stages(console) as stage:
        given = _input(session, images, stage)
        for line in given.told:
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        tell = stage("storing")
        references = session.ingest_files(given.references, purpose="reference", progress=tell)
        science = session.ingest_files(given.science, purpose="science", progress=tell)
        nights = sorted({*references.nights, *science.nights})
        chain = run_chain(session, nights, stage("searching"))
        stage("reporting")
        detections = chain.manifests(session, "detections")
        frames = DemoFrames.of(session, references, science, detections)
        return _report(session, store, given, (chain, frames), started)


def _input(session: AstridSession, images: Path | None, stage: Stage) -> DemoInput:
    if images is not None:
        return folder_input(images, stage("looking"))
    tell = stage("simulating")
    return simulated_input(session.home / "demo-survey", lambda said: tell(0, 0, said))


def _report(
    session: AstridSession,
    store: str,
    given: DemoInput,
    made: tuple[ChainRun, DemoFrames],
    started: float,
) -> DemoReport:
    chain, frames = made
    truth = known_truth(given.truth, [item.name for item in frames.items])
    folder = session.home / "pictures"
    version = session.datasets.list(_DATASET)[-1]
    hidden = [(skip.name, skip.reason) for skip in given.skipped]
    return DemoReport(
        where=f"{session.r2.describe()}, bucket {session.bucket}",
        tiers=session.totals(),
        content_hashes=session.content_hashes(),
        nights=night_results(session, frames.found, frames.table, truth),
        detections=frames.table,
        pictures=write_pictures(session, frames.found, folder),
        tables=write_tables(frames.table, folder),
        skipped=[*hidden, *frames.left_out(chain, session)],
        remarks=[*truth.remarks, *frames.remarks()],
        dataset_version=f"v{version.number}",
        dataset_is_new=chain.dataset_is_new,
        steps_executed=chain.executed,
        steps_reused=chain.reused,
        next_commands=_next(store, frames),
        elapsed_s=time.monotonic() - started,
    )


def _next(store: str, frames: DemoFrames) -> list[tuple[str, str]]:
    astrid = program()
    option = f" --store {shlex.quote(store)}" if store else ""
    ui = (f"{astrid} ui{option}", "the Dagster UI: every step, every night")
    if not frames.items:
        look = (f"{astrid} find{option} --tier raw-observations", "the frames that are stored")
        return [ui, look, (f"{astrid} put{option} DIR", "store more frames")]
    shown = frames.items[0].content_hash[:_HASH_DIGITS]
    return [
        ui,
        (f"{astrid} find{option} --tier detections", "what is stored"),
        (f"{astrid} why{option} {shown}", "from detections back to the raw file"),
    ]
