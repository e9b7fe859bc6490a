"""Making a stored content again, and saying whether the same comes out."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from astrid_sdk.catalog.steps.comparing import Comparison, Tolerance, Verdict, compare
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef
from astrid_sdk.catalog.steps.derivations import Derivations, environment_of
from astrid_sdk.catalog.steps.step import Output, Result, Step
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_ORDER = list(Verdict)


@dataclass(frozen=True, slots=True)
class OutputComparison:
    """One output of a derivation, then and now."""

    role: str
    name: str
    content_hash: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What making a content again gave.

    Attributes
    ----------
    content_hash : str
    derivation : Derivation
        What made it.
    outputs : sequence of OutputComparison
        Of all that the derivation made.
    code_version : str
        Of the step here, now.
    environment : mapping
        What it ran on now; `derivation.environment` says what it ran on then.
    tolerance : Tolerance
    note : str
        Such as that the step refuses now what it took then.
    """

    content_hash: str
    derivation: Derivation
    outputs: Sequence[OutputComparison]
    code_version: str
    environment: Mapping[str, str]
    tolerance: Tolerance
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict on any output."""
        found = [output.comparison.verdict for output in self.outputs]
        return Verdict.DIFFERENT if self.note else max(found, key=_ORDER.index)

    @property
    def is_other_code(self) -> bool:
        """Whether the step's code is not the one that made it."""
        return self.code_version != self.derivation.code_version

    @property
    def is_other_environment(self) -> bool:
        """Whether Python, platform or a library is another than then."""
        return dict(self.environment) != dict(self.derivation.environment)

    @override
    def __str__(self) -> str:
        return "\n".join([self._headline(), *map(" — ".join, self._rows()), *self._surroundings()])

    @override
    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self._rows()
        )
        more = "".join(f"<p>{html.escape(line)}</p>" for line in self._surroundings())
        head = f"<p><b>{html.escape(self._headline())}</b></p>"
        return {"text/plain": str(self), "text/html": f"{head}<table>{rows}</table>{more}"}

    def _headline(self) -> str:
        more = f": {self.note}" if self.note else ""
        return f"{self.derivation.step} run again: {self.verdict.value}{more}"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (f"{output.name}@{output.content_hash[:8]}", _told(output.comparison))
            for output in self.outputs
        ]

    def _surroundings(self) -> list[str]:
        code = "other code than then" if self.is_other_code else "the same code as then"
        lines = [
            f"with {code}; tolerance rtol={self.tolerance.rtol:g} atol={self.tolerance.atol:g}"
        ]
        then, now = self.derivation.environment, self.environment
        for name in sorted({*then, *now}):
            old, new = then.get(name, "not told"), now.get(name, "not told")
            lines.append(f"{name} {new}" if old == new else f"{name} {new}, then {old}")
        return lines


def reproduce(
    derivations: Derivations,
    cas: ContentAddressedStorage,
    step: Step,
    made: Derivation,
    content_hash: str,
    *,
    allow_other_code: bool,
    tolerance: Tolerance,
) -> Reproduction:
    """Run `step` as `made` did and compare; nothing is stored.

    Raises
    ------
    InvalidInputError
        The step's code is not the one that made it, and that is not allowed.
    """
    version = step.code_version
    if version != made.code_version and not allow_other_code:
        raise InvalidInputError(
            f"{made.step} was other code when it made {content_hash[:8]} (version "
            f"{made.code_version[:8]}, here it is {version[:8]}): give allow_other_code=True to "
            "run what is here",
            kind="other_code",
        )
    result, refusal = derivations.run(step, made.inputs, made.parameters)
    outputs = [_compared(cas, ref, _by_role(result), tolerance) for ref in made.outputs]
    return Reproduction(
        content_hash,
        made,
        outputs,
        version,
        environment_of(step),
        tolerance,
        _note(made, result, refusal),
    )


def _compared(
    cas: ContentAddressedStorage,
    ref: OutputRef,
    now: Mapping[str, Output],
    tolerance: Tolerance,
) -> OutputComparison:
    output = now.get(ref.role)
    if output is None:
        comparison = Comparison(Verdict.DIFFERENT, where=f"no output {ref.role!r} now")
    elif cas.get_content_hash(output.data) == ref.content_hash:
        comparison = Comparison(Verdict.IDENTICAL)
    else:
        then = cas.retrieve_data(ref.content_hash, tier=ref.tier)
        comparison = compare(then, output.data, ref.media_type, tolerance)
    return OutputComparison(ref.role, ref.name, ref.content_hash, comparison)


def _by_role(result: Result) -> dict[str, Output]:
    return {output.role: output for output in result.outputs}


def _note(made: Derivation, result: Result, refusal: str) -> str:
    if refusal:
        return f"the step refuses now: {refusal}"
    more = sorted(_by_role(result).keys() - {output.role for output in made.outputs})
    return f"the step makes more now: {', '.join(more)}" if more else ""


def _told(comparison: Comparison) -> str:
    words = [comparison.verdict.value]
    if comparison.where:
        words.append(f"first at {comparison.where}")
    if comparison.verdict != Verdict.IDENTICAL:
        words.append(f"largest difference {comparison.max_difference:g}")
    return ", ".join(words)
