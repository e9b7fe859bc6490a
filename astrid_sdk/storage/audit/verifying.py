"""Was the audit changed? What can be proved by the chains, and by who anchored whom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage.audit.lines import ANCHOR, BEGIN, INTENT, ORIGIN
from astrid_sdk.storage.audit.segments import Line, Segments, first_of


@dataclass(frozen=True, slots=True)
class WriterReport:
    """What was found of one writer.

    Attributes
    ----------
    writer : str
    segments, lines, operations : int
        What is there.
    last : int
        Number of the last line.
    anchored : int
        Up to this line others have seen the writer: a cut or a rewriting up to here is found.
        Behind it, one at the very end cannot be proved.
    problem : str
        What is wrong first; "" where nothing is.
    """

    writer: str
    segments: int
    lines: int
    operations: int
    last: int
    anchored: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found of an audit.

    Attributes
    ----------
    writers : tuple of WriterReport
        In the order of their beginning.
    strangers : tuple of str
        Keys that no audit writes.
    """

    writers: tuple[WriterReport, ...]
    strangers: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.strangers and not any(each.problem for each in self.writers)


@dataclass(slots=True)
class _Writer:
    """What is gathered of a writer while its lines pass."""

    name: str
    segments: int = 0
    lines: int = 0
    operations: int = 0
    last: int = 0
    head: str = ORIGIN
    problem: str = ""
    ends: dict[int, str] = field(default_factory=dict)  # of segments: the lines that are anchored
    anchored: int = 0

    def take(self, segments: Segments, keys: Sequence[str]) -> Iterator[Line]:
        """Read all segments; yield the lines that follow each other as they should."""
        for key in keys:
            self.segments += 1
            try:
                yield from self._followed(segments, key)
            except CorruptionError as error:
                self._say(error.message)
            self.ends[self.last] = self.head

    def _followed(self, segments: Segments, key: str) -> Iterator[Line]:
        for number, line in enumerate(segments.lines(key)):
            self.lines += 1
            self._say(self._break(line, key, is_first=not number))
            self.last, self.head = line.seq, line.content_hash
            yield line

    def _break(self, line: Line, key: str, *, is_first: bool) -> str:
        """Return how a line fails to follow the one before."""
        if is_first and line.seq != first_of(key):
            return f"{key} begins with line {line.seq}"
        if line.seq != self.last + 1:
            return f"lines {self.last + 1} to {line.seq - 1} are missing or out of order"
        if line.said["prev"] != self.head:
            return f"line {self.last} or {line.seq} was changed: they do not follow each other"
        if (line.seq == 1) != (line.said["kind"] == BEGIN):
            return f"line {line.seq} does not begin the writer"
        if line.seq == 1 and line.said.get("writer") != self.name:
            return f"its lines are those of {line.said.get('writer')}"
        return ""

    def _say(self, problem: str) -> None:
        self.problem = self.problem or problem

    def anchor(self, by: str, seq: int, content_hash: str) -> None:
        """Compare with what another writer saw."""
        self.anchored = max(self.anchored, seq)
        if self.ends.get(seq) == content_hash:
            return
        if seq > self.last:
            had = f"it ends with line {self.last}" if self.last else "nothing is left of it"
            self._say(f"{had}, but {by} saw line {seq}: its end was cut off")
        else:
            self._say(f"line {seq} is not the one that {by} saw: it was written anew")

    def report(self) -> WriterReport:
        return WriterReport(
            self.name,
            self.segments,
            self.lines,
            self.operations,
            self.last,
            self.anchored,
            self.problem,
        )


_Anchor = tuple[str, str, int, str]


def verify(segments: Segments) -> Verification:
    """Return what can be said of all writers; of each only the ends of segments are remembered."""
    writers: dict[str, _Writer] = {}
    anchors: list[_Anchor] = []
    listed, strangers = segments.listed()
    for name, keys in listed.items():
        writer = writers[name] = _Writer(name)
        for line in writer.take(segments, keys):
            if line.said["kind"] == INTENT:
                writer.operations += len(line.said["ops"])
            elif line.said["kind"] == ANCHOR:
                anchors += _anchors(name, line.said["heads"])
    for by, name, seq, content_hash in anchors:
        writers.setdefault(name, _Writer(name)).anchor(by, seq, content_hash)
    reports = tuple(writers[name].report() for name in sorted(writers))
    return Verification(reports, tuple(strangers))


def _anchors(by: str, heads: Mapping[str, Sequence[object]]) -> Iterator[_Anchor]:
    for name, head in heads.items():
        match head:
            case [int() as seq, str() as content_hash]:
                yield by, name, seq, content_hash
