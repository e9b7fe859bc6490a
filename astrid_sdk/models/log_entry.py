"""Everything one call of `Models.log` is to write, as a value that can wait on disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from astrid_sdk.canonical import canonical_json
from astrid_sdk.formats import read_versioned

FORMAT_VERSION = 1
MODEL_FOLDER = "model"
ARTIFACTS_FOLDER = "artifacts"
_FILE = "entry.json"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A model to be logged, with what its run says.

    Attributes
    ----------
    log_id : str
        Names this call in MLflow's tags: what was begun is found again by it, and done once.
    name : str
        Of the logged model.
    experiment : str
    run_id : str, optional
        None begins a run.
    run_name : str, optional
    dataset : str, optional
        A dataset version with its number, such as ``"sn-train@v2"``.
    inputs : mapping of str to sequence of str
        Other contents that it was made from, role to content hashes.
    params, tags : mapping of str to str
    metrics : sequence of (name, step, value)
    time_ms : int
        When it was logged, milliseconds since 1970: the time of its metrics.
    """

    log_id: str
    name: str
    experiment: str
    run_id: str | None
    run_name: str | None
    dataset: str | None
    inputs: Mapping[str, Sequence[str]]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[tuple[str, int, float]]
    time_ms: int

    def write(self, folder: Path) -> None:
        """Write the entry into `folder`, beside its files."""
        value: dict[str, Any] = {"format_version": FORMAT_VERSION, **asdict(self)}
        value["metrics"] = [[name, step, repr(value)] for name, step, value in self.metrics]
        (folder / _FILE).write_bytes(canonical_json(value))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the entry that `write` wrote.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        value = read_versioned((folder / _FILE).read_bytes(), FORMAT_VERSION, "a waiting log")
        metrics = [(name, step, float(text)) for name, step, text in value.pop("metrics")]
        return cls(**value, metrics=tuple(metrics))


def metrics_of(given: Mapping[str, float | Sequence[float]]) -> list[tuple[str, int, float]]:
    """Return metrics as name, step and value: a sequence is one value per step from 0 on."""
    found: list[tuple[str, int, float]] = []
    for name, values in given.items():
        steps = values if isinstance(values, Sequence) else [values]
        found.extend((name, step, float(value)) for step, value in enumerate(steps))
    return found


def texts_of(given: Mapping[str, Any]) -> dict[str, str]:
    """Return values as the texts that MLflow keeps."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, default=str)
        for name, value in given.items()
    }
