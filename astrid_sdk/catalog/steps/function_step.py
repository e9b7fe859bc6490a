"""Steps that people write themselves: a function of a notebook, with a name."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from astrid_sdk.catalog.steps.function_version import function_version, source_of
from astrid_sdk.catalog.steps.step import Inputs, Step
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.tiers import Tier

_MAPPING = "parameters"
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class FunctionStep(Step):
    """A step whose code version is that of one function; see `step_of`.

    Attributes
    ----------
    version : str
        What its author calls this state of the code; "" where its source says it.
    """

    version: str = ""

    @property
    @override
    def code_version(self) -> str:
        """What its author says, else the hash over the source and what that names."""
        return self.version or function_version(self.function, self.libraries)

    def complete(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return `parameters` with the defaults of the function: they are recorded too.

        Raises
        ------
        InvalidInputError
            The function takes no parameter of such a name, or lacks one.
        """
        if _takes_mapping(self.function):
            return dict(parameters)
        signature = inspect.signature(self.function)
        try:
            bound = signature.bind(None, **parameters)
        except TypeError as error:
            known = ", ".join(list(signature.parameters)[1:]) or "none"
            raise InvalidInputError(
                f"{self.name} cannot be called with the parameters {sorted(parameters)} ({error}): "
                f"it takes {known}"
            ) from error
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        for parameter in signature.parameters.values():
            if parameter.kind == inspect.Parameter.VAR_KEYWORD:
                given |= given.pop(parameter.name)
        return given

    @override
    def call(self, inputs: Inputs, parameters: Mapping[str, Any]) -> Any:
        """Call the function as it was written."""
        function: Callable[..., Any] = self.function
        if _takes_mapping(function):
            return function(inputs, parameters)
        return function(inputs, **parameters)


def step_of(
    function: Callable[..., Any],
    *,
    name: str = "",
    tier: Tier | str = Tier.ARTIFACTS,
    libraries: tuple[str, ...] = ("numpy",),
    version: str = "",
) -> FunctionStep:
    """Return the step that a function is.

    Parameters
    ----------
    function : callable
        Takes `Inputs`, and either a mapping called ``parameters`` or each parameter by its name.
        Returns what `astrid_sdk.catalog.steps.returned` knows how to store.
    name : str
        Of the step; the function's by default.
    tier : Tier or str
        Where its outputs go.
    libraries : tuple of str
        Distributions whose version counts beside those that the function names.
    version : str
        Names the code where its source cannot be told, or should not count.

    Raises
    ------
    InvalidInputError
        The function takes no inputs, there is no such tier, or its source cannot be told and
        `version` is not given.
    """
    called = name or getattr(function, "__name__", "")
    takes = list(inspect.signature(function).parameters.values())
    if not called or not takes or takes[0].kind not in _POSITIONAL:
        raise InvalidInputError(
            f"{called or function!r} is no step: write def {called or 'my_step'}(inputs, …), and "
            "read with inputs.read(role)"
        )
    if not version:
        source_of(function)  # now, before its file or cell is edited
    return FunctionStep(called, function, Tier.parse(tier), libraries, version)


def _takes_mapping(function: Callable[..., Any]) -> bool:
    names = list(inspect.signature(function).parameters)
    return names[1:] == [_MAPPING]
