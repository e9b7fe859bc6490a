"""A simulated survey: realistic frames of one field, and the truth about what changes in it.

A telescope's troubles are in the frames: seeing, guiding and sky that differ from night
to night, pointings that shift and turn, galaxies, saturated stars, cosmic rays, bad columns and
hot pixels. The frames are drawn with GalSim (Rowe et al. 2015); the same parameters make the same
bytes.
"""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from astrid_sdk.pipeline.simulation.camera import Defects, exposure_header, make_defects, read_out
from astrid_sdk.pipeline.simulation.parameters import DEFAULT_EPOCHS, Epoch, SurveyParameters
from astrid_sdk.pipeline.simulation.scene import Exposure, draw_scene, make_scene
from astrid_sdk.pipeline.simulation.transients import Change, plan_changes
from astrid_sdk.pipeline.simulation.views import View, make_view
from astrid_sdk.pipeline.truth import TrueSource, truth_to_csv
from astrid_sdk.sky.frame import hdus_to_bytes

__all__ = [
    "DEFAULT_EPOCHS",
    "Epoch",
    "SimulatedFrame",
    "Survey",
    "SurveyParameters",
    "simulate_survey",
    "write_survey",
]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedFrame:
    """One raw frame of the survey.

    Attributes
    ----------
    file_name : str
        Name of its file; the suffix says how it is packed.
    epoch : Epoch
        When and how it was taken.
    data : ndarray of uint16, shape (ny, nx)
        Counts.
    header : astropy.io.fits.Header
        Descriptive cards and the world coordinates.
    """

    file_name: str
    epoch: Epoch
    data: NDArray[np.uint16]
    header: fits.Header

    def to_bytes(self) -> bytes:
        """Return the bytes of the file: FITS, gzipped FITS or tile-compressed FITS (RICE)."""
        if self.epoch.suffix == ".fits.fz":
            tiles = fits.CompImageHDU(self.data, header=self.header, compression_type="RICE_1")
            return hdus_to_bytes([fits.PrimaryHDU(), tiles])
        content = hdus_to_bytes([fits.PrimaryHDU(self.data, header=self.header)])
        return gzip.compress(content, mtime=0) if self.epoch.suffix == ".fits.gz" else content


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """A simulated survey.

    Attributes
    ----------
    parameters : SurveyParameters
        What it was made of.
    references, science : tuple of SimulatedFrame
        Its frames.
    truth : tuple of TrueSource
        What is brighter in a science frame than in the references. Variable stars are listed in
        the nights in which they brightened.
    bad_pixels : ndarray of bool, shape (ny, nx)
        True where the detector has a defect.
    """

    parameters: SurveyParameters
    references: tuple[SimulatedFrame, ...]
    science: tuple[SimulatedFrame, ...]
    truth: tuple[TrueSource, ...]
    bad_pixels: NDArray[np.bool_]


def simulate_survey(
    parameters: SurveyParameters | None = None, progress: Progress | None = None
) -> Survey:
    """Simulate a survey.

    Parameters
    ----------
    parameters : SurveyParameters, optional
        What to simulate; the default survey when absent.
    progress : callable, optional
        Is told, in words, what is being drawn.

    Raises
    ------
    InvalidInputError
        The field has no room for the transients asked for.
    """
    chosen = SurveyParameters() if parameters is None else parameters
    tell = _say_nothing if progress is None else progress
    defects = make_defects(chosen)
    science, references, changes = _draw(chosen, defects, tell)
    for change in changes:
        _add_change(science[change.view], change)
    tell("reading the camera out")
    return Survey(
        parameters=chosen,
        references=tuple(_frame(view, defects) for view in references),
        science=tuple(_frame(view, defects) for view in science),
        truth=tuple(_true_source(science[c.view], c) for c in changes if c.electrons > 0.0),
        bad_pixels=defects.bad,
    )


def write_survey(survey: Survey | SurveyParameters, folder: Path) -> None:
    """Write ``reference/``, ``science/`` and ``truth.csv`` of a survey into `folder`."""
    made = simulate_survey(survey) if isinstance(survey, SurveyParameters) else survey
    for name, frames in (("reference", made.references), ("science", made.science)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for frame in frames:
            (folder / name / frame.file_name).write_bytes(frame.to_bytes())
    (folder / "truth.csv").write_text(truth_to_csv(made.truth), encoding="utf-8", newline="")


def _draw(
    parameters: SurveyParameters, defects: Defects, tell: Progress
) -> tuple[Sequence[View], Sequence[View], list[Change]]:
    """Return the science and reference views without their changes, and the changes."""
    scene = make_scene(parameters)

    def view(epoch: Epoch) -> View:
        tell(f"drawing {parameters.file_name(epoch)}")
        exposure = Exposure(parameters, epoch)
        return make_view(exposure, draw_scene(scene, exposure), defects.bad)

    references = [view(epoch) for epoch in parameters.references]
    science = [view(epoch) for epoch in parameters.science]
    tell("placing transients")
    return science, references, plan_changes(parameters, scene, science, references)


def _add_change(view: View, change: Change) -> None:
    x, y = view.exposure.position(change.place.ra_deg, change.place.dec_deg)
    view.exposure.add_star(view.image, x, y, change.electrons)


def _frame(view: View, defects: Defects) -> SimulatedFrame:
    parameters, epoch = view.exposure.parameters, view.exposure.epoch
    return SimulatedFrame(
        file_name=parameters.file_name(epoch),
        epoch=epoch,
        data=read_out(view.image.array, defects, parameters, epoch),
        header=exposure_header(parameters, epoch),
    )


def _true_source(view: View, change: Change) -> TrueSource:
    x, y = view.exposure.position(change.place.ra_deg, change.place.dec_deg)
    return TrueSource(
        science_file=view.exposure.parameters.file_name(view.exposure.epoch),
        x=x,
        y=y,
        ra_deg=change.place.ra_deg,
        dec_deg=change.place.dec_deg,
        snr=change.snr,
        kind=change.place.kind,
    )


def _say_nothing(_message: str) -> None:
    """Show no progress."""
