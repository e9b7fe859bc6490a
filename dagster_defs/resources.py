"""The session as a Dagster resource."""

from collections.abc import Iterator

import dagster as dg

import astrid_sdk
from astrid_sdk import observe
from astrid_sdk.session import AstridSession

AstridParam = dg.ResourceParam[AstridSession]
"""What an asset writes to be given the session."""


def astrid_resource(store: str = "") -> dg.ResourceDefinition:
    """Return the resource ``astrid``: a session, opened once per run and process.

    It takes no run configuration, so that none can hold a secret.

    Parameters
    ----------
    store : str
        A folder; "" takes what ``astrid_sdk.connect()`` takes: R2 when ``ASTRID_R2_*`` is set,
        else the folder ``ASTRID_STORE`` names, else ``./.astrid``.
    """

    def opened(_context: dg.InitResourceContext) -> Iterator[AstridSession]:
        came_by = observe.face.set("dagster")  # the session remembers by what it came
        try:
            session = astrid_sdk.connect(store or None)
        finally:
            observe.face.reset(came_by)
        with session:
            yield session

    return dg.ResourceDefinition(
        opened,
        config_schema={},
        description="The store: R2 when ASTRID_R2_* is set, else the folder ASTRID_STORE names.",
    )
