"""What changes in the simulated survey: transients, variable stars and an asteroid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.simulation.parameters import SurveyParameters
from astrid_sdk.pipeline.simulation.scene import Galaxy, Scene
from astrid_sdk.pipeline.simulation.views import Place, View, is_usable, matched_filter

_TRANSIENT_STREAM = 3
_SEPARATION_PX = 22.0
_CROWDED = 4.0  # field transients avoid light this many times the sky's, hosted ones 6 times
_CROWDED_HOST = 6.0
_TRIES = 500
_HOST_MAG = (16.5, 22.0)
_VARIABLE_MAG = (18.3, 20.6)
_BRIGHTENING_SHARE = 0.6
_LARGEST_CHANGE = 0.6  # of the star's own light
_VARIABLE_SNR = (12.0, 40.0)
_LASTING_KINDS = ("host", "host", "field")
_LASTING_SNR = (18.0, 45.0)
_RISE_DAYS, _FALL_DAYS = 2.0, 6.0  # halving times of a light curve around its maximum
_ASTEROID_SNR = 25.0
# A slow Centaur, which leaves no trail within an exposure: over the survey it crosses these parts
# of the field's shorter side to the east and to the north.
_ASTEROID_PATH = (0.26, 0.08)


@dataclass(frozen=True, slots=True)
class Change:
    """What one science frame shows at a place beyond the references.

    Attributes
    ----------
    view : int
        Number of the science epoch.
    place : Place
        Where, and of which kind.
    electrons : float
        Light above (or, negative, below) that in the references, in electrons of that epoch.
    snr : float
        Matched-filter SNR in the difference, with the sign of `electrons`.
    """

    view: int
    place: Place
    electrons: float
    snr: float


def plan_changes(
    parameters: SurveyParameters,
    scene: Scene,
    science: Sequence[View],
    references: Sequence[View],
) -> list[Change]:
    """Return what changes in each science frame, frame by frame.

    Raises
    ------
    InvalidInputError
        The field is too small or too crowded for so many transients.
    """
    planner = _Planner(parameters, scene, science, references)
    changes = [*planner.asteroid(), *planner.variable_stars(), *planner.lasting_transients()]
    for view in range(len(science)):
        changes += planner.brief_transients(view, changes)
    return sorted(changes, key=lambda change: change.view)


class _Planner:
    """Finds places, and what happens there, one after the other from one random stream."""

    def __init__(
        self,
        parameters: SurveyParameters,
        scene: Scene,
        science: Sequence[View],
        references: Sequence[View],
    ) -> None:
        self._parameters = parameters
        self._scene = scene
        self._science = science
        self._references = references
        self._rng = parameters.random(_TRANSIENT_STREAM)
        self._taken: list[tuple[float, float]] = []

    def asteroid(self) -> list[Change]:
        """Return a moving point of light, at another place each night."""
        for start in self._field_places():
            places = [self._moved(start, view) for view in range(len(self._science))]
            if all(self._is_free(place, _CROWDED) for place in places):
                for place in places:
                    self._take(place)
                return self._steady_light(places)
        raise _no_room()

    def variable_stars(self) -> list[Change]:
        """Return stars that are brighter in some nights and fainter in others."""
        faint, bright = _VARIABLE_MAG[1], _VARIABLE_MAG[0]
        changes: list[Change] = []
        wanted = self._parameters.variable_stars
        for index in self._rng.permutation(len(self._scene.stars)):
            star = self._scene.stars[index]
            place = Place(star.ra_deg, star.dec_deg, "variable")
            if wanted and bright < star.magnitude < faint and self._is_free(place, np.inf):
                self._take(place)
                wanted -= 1
                changes += self._variable_star(place, star.magnitude)
        return changes

    def lasting_transients(self) -> list[Change]:
        """Return transients that rise and fade over the nights, most of them in galaxies."""
        changes: list[Change] = []
        days = self._days()
        for number in range(self._parameters.lasting_transients):
            place = self._new_place(_LASTING_KINDS[number % 3])
            maximum = self._rng.uniform(days[0] - 1.0, days[-1] + 2.0)
            away = days - maximum
            curve = 2.0 ** -np.where(away < 0.0, -away / _RISE_DAYS, away / _FALL_DAYS)
            changes += self._light_curve(place, curve, self._rng.uniform(*_LASTING_SNR))
        return changes

    def brief_transients(self, view: int, before: Sequence[Change]) -> list[Change]:
        """Return transients of one night that fill its number, evenly spread in log SNR."""
        present = sum(c.view == view and c.place.kind != "variable" for c in before)
        count = max(self._parameters.transients_per_night - present, 0)
        snrs = self._rng.permutation(np.geomspace(*self._parameters.transient_snr, count))
        kinds = ("host", "field")
        return [
            self._at_snr(view, self._new_place(kinds[number % 2]), float(snr))
            for number, snr in enumerate(snrs)
        ]

    def _steady_light(self, places: Sequence[Place]) -> list[Change]:
        """Return a source of constant magnitude that is at one of `places` in each view."""
        throughputs = [view.exposure.epoch.throughput_s for view in self._science]
        rate = self._at_snr(0, places[0], _ASTEROID_SNR).electrons / throughputs[0]
        changes: list[Change] = []
        for i, place in enumerate(places):
            found = matched_filter(self._science[i], self._references, place)
            electrons = rate * throughputs[i]
            changes.append(Change(i, place, electrons, found.snr(electrons)))
        return changes

    def _variable_star(self, place: Place, magnitude: float) -> list[Change]:
        """Return changes of 12 to 40 sigma, each upward or downward, but never a whole star."""
        changes: list[Change] = []
        for i, view in enumerate(self._science):
            star = self._parameters.electrons(magnitude, view.exposure.epoch)
            found = matched_filter(view, self._references, place)
            electrons = found.electrons(self._rng.uniform(*_VARIABLE_SNR))
            sign = 1.0 if self._rng.uniform() < _BRIGHTENING_SHARE else -1.0
            electrons = sign * min(electrons, _LARGEST_CHANGE * star)
            changes.append(Change(i, place, electrons, found.snr(electrons)))
        return changes

    def _light_curve(self, place: Place, curve: NDArray[np.float64], snr: float) -> list[Change]:
        """Return the nights in which a light curve is bright enough; `snr` is its best night's."""
        epochs = [view.exposure.epoch for view in self._science]
        best = int(np.argmax(curve))
        rate = self._at_snr(best, place, snr).electrons / epochs[best].throughput_s / curve[best]
        changes: list[Change] = []
        for i, view in enumerate(self._science):
            electrons = float(rate * curve[i]) * epochs[i].throughput_s
            reached = matched_filter(view, self._references, place).snr(electrons)
            low, high = self._parameters.transient_snr
            if reached >= low:  # else it has not risen yet, or is gone
                kept = electrons if reached <= high else self._at_snr(i, place, high).electrons
                changes.append(Change(i, place, kept, min(reached, high)))
        return changes

    def _at_snr(self, view: int, place: Place, snr: float) -> Change:
        found = matched_filter(self._science[view], self._references, place)
        return Change(view, place, found.electrons(snr), snr)

    def _new_place(self, kind: str) -> Place:
        """Return a free place, in a galaxy for the kind ``host`` while galaxies have room."""
        if kind == "host":
            for place in self._host_places():
                if self._is_free(place, _CROWDED_HOST):
                    return self._take(place)
        for place in self._field_places():
            if self._is_free(place, _CROWDED):
                return self._take(place)
        raise _no_room()

    def _field_places(self) -> Iterator[Place]:
        ny, nx = self._parameters.shape
        wcs = self._references[0].exposure.wcs
        for _ in range(_TRIES):
            ra, dec = wcs.all_pix2world(self._rng.uniform(0, nx), self._rng.uniform(0, ny), 0)
            yield Place(float(ra), float(dec), "field")

    def _host_places(self) -> Iterator[Place]:
        bright, faint = _HOST_MAG
        hosts = [g for g in self._scene.galaxies if bright < g.magnitude < faint]
        for _ in range(4 * len(hosts)):
            yield self._in_galaxy(hosts[self._rng.integers(len(hosts))])

    def _in_galaxy(self, galaxy: Galaxy) -> Place:
        """Return a place within 1.5 half-light radii, in the plane of the galaxy."""
        distance = self._rng.uniform(0.2, 1.5) * galaxy.half_light_radius_arcsec / 3600.0
        around = self._rng.uniform(0.0, 2.0 * np.pi)
        along, across = np.cos(around), galaxy.axis_ratio * np.sin(around)
        turn = np.radians(galaxy.angle_deg)
        x = distance * (along * np.cos(turn) - across * np.sin(turn))
        y = distance * (along * np.sin(turn) + across * np.cos(turn))
        east = -x / np.cos(np.radians(galaxy.dec_deg))  # x grows to the west
        return Place(float(galaxy.ra_deg + east), float(galaxy.dec_deg + y), "host")

    def _moved(self, start: Place, view: int) -> Place:
        days = self._days()
        passed = (days[view] - days[0]) / max(days[-1] - days[0], 1.0)
        side_deg = min(self._parameters.shape) * self._parameters.pixel_scale_arcsec / 3600.0
        east, north = (part * side_deg * passed for part in _ASTEROID_PATH)
        east /= np.cos(np.radians(start.dec_deg))
        return Place(float(start.ra_deg + east), float(start.dec_deg + north), "asteroid")

    def _days(self) -> NDArray[np.float64]:
        return np.array([view.exposure.mjd for view in self._science])

    def _is_free(self, place: Place, crowded: float) -> bool:
        """Whether `place` is clear of other changes and usable in all epochs."""
        x, y = self._references[0].exposure.position(place.ra_deg, place.dec_deg)
        if any(np.hypot(x - a, y - b) < _SEPARATION_PX for a, b in self._taken):
            return False
        return all(is_usable(v, place, crowded) for v in (*self._references, *self._science))

    def _take(self, place: Place) -> Place:
        position = self._references[0].exposure.position(place.ra_deg, place.dec_deg)
        self._taken.append(position)
        return place


def _no_room() -> InvalidInputError:
    return InvalidInputError(
        "the simulated field has no room for so many transients: "
        "ask for fewer transients, fewer stars or a larger field",
        kind="survey_parameters",
    )
