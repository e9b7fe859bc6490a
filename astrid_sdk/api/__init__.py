"""The REST service: other tools' way to the store.

``uvicorn astrid_sdk.api:app`` serves what ``ASTRID_*`` says; `create_app` takes a session of yours.
Routes take input, ask the session and hand out the answer; what a web service owes beside that
(who may do what, limits, problem details, verified streams) is written once, around them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrid_sdk.api.application import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Make ``app`` from the environment when a server asks for it; import `create_app` late."""
    if name not in {"app", "create_app"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from astrid_sdk.api.application import create_app  # noqa: PLC0415 - FastAPI takes a second

    found = create_app() if name == "app" else create_app
    globals()[name] = found
    return found
