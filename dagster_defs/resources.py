"""The session as a Dagster resource."""

import dagster as dg

import astrid_sdk
from astrid_sdk.session import AstridSession


class AstridResource(dg.ConfigurableResource[AstridSession]):
    """A store, opened when it is asked for.

    Parameters
    ----------
    store : str
        A folder; "" takes what ``astrid_sdk.connect()`` takes: R2 when ``ASTRID_R2_*`` is set,
        else the folder ``ASTRID_STORE`` names, else ``./.astrid``. No secret is configuration.
    """

    store: str = ""

    def session(self) -> AstridSession:
        """Return a session on the store."""
        return astrid_sdk.connect(self.store or None)
