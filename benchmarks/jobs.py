"""Which jobs there are, who does them, and the order in which a run goes through them."""

import dataclasses
from collections.abc import Iterator, Mapping

from benchmarks.contenders import Contender
from benchmarks.ours import Astrid
from benchmarks.peers import AstropyS3fs, Boto3, Obstore, S3fs
from benchmarks.references import HashOnly, PlainCopy, RawSockets
from benchmarks.servers import Place
from benchmarks.tools import Dvc, Mlflow, S5cmd

CONTENDERS: Mapping[str, type[Contender]] = {
    kind.title: kind
    for kind in (
        *(HashOnly, PlainCopy, RawSockets, Astrid, Obstore, Boto3),
        *(S3fs, AstropyS3fs, S5cmd, Dvc, Mlflow),
    )
}
OURS = Astrid.title


@dataclasses.dataclass(frozen=True)
class Workload:
    """Jobs that follow one another in the same bucket.

    Parameters
    ----------
    name : str
    jobs : tuple of str
        In order: later ones need the earlier ones.
    prepared_by : str, optional
        The method of our client that fills a bucket which all contenders share; without it each
        has a bucket of its own, in which it finds what it left.
    is_far : bool
        Whether it is about a server some way off.
    """

    name: str
    jobs: tuple[str, ...]
    prepared_by: str | None = None
    is_far: bool = False


WORKLOADS = (
    Workload("file", ("file-store", "file-store-again", "file-retrieve")),
    Workload("files", ("files-store", "files-store-again", "files-retrieve")),
    Workload("cutout", ("cutout",), prepared_by="store_image", is_far=True),
    Workload("listing", ("listing",), prepared_by="fill"),
)
JOBS = tuple(job for workload in WORKLOADS for job in workload.jobs)


@dataclasses.dataclass(frozen=True)
class Turn:
    """One contender's turn at a workload."""

    contender: str
    threads: int
    jobs: tuple[str, ...]

    @property
    def label(self) -> str:
        """The contender's name, with its threads where it was told how many."""
        return f"{self.contender}, {self.threads} threads" if self.threads else self.contender


def method_of(job: str) -> str:
    """Return the name of the method that does a job."""
    return job.replace("-", "_")


def turns(workload: Workload, wanted: frozenset[str], place: Place) -> Iterator[Turn]:
    """Yield who takes part, with the jobs up to the last wanted one that it can do."""
    for name, kind in CONTENDERS.items():
        able = [job for job in workload.jobs if callable(getattr(kind, method_of(job), None))]
        last = max((able.index(job) for job in able if job in wanted), default=-1)
        if last < 0 or kind.missing(place) is not None:
            continue
        for threads in kind.ladders.get(workload.name, (0,)):
            yield Turn(name, threads, tuple(able[: last + 1]))


def absentees(place: Place) -> dict[str, str]:
    """Return why those who take no part do not."""
    reasons = {name: kind.missing(place) for name, kind in CONTENDERS.items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}
