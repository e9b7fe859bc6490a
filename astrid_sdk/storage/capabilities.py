"""What a store can do, as data: looked up, not found out by failing."""

import dataclasses

from astrid_sdk.errors import InvalidInputError


@dataclasses.dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can do beyond what every store must.

    Parameters
    ----------
    keeps_media_type, keeps_user_metadata : bool
        Whether they come back from `head`.
    keys_may_continue : bool
        Whether ``a`` and ``a/b`` can both be objects (not in a folder).
    is_durable : bool
        Whether what was acknowledged survives the process.
    has_tables : bool
        Whether table libraries can open the catalogue there.
    presigns : bool
        Whether it makes URLs that carry their own permission.
    has_lifecycle, has_cors : bool
        Whether such rules can be set on a bucket.
    lists_uploads : bool
        Whether large uploads under way can be listed, and so swept.
    is_near : bool
        Whether asking for one object costs next to nothing, so that no listing is cheaper.
    """

    keeps_media_type: bool
    keeps_user_metadata: bool
    keys_may_continue: bool
    is_durable: bool
    has_tables: bool
    presigns: bool = False
    has_lifecycle: bool = False
    has_cors: bool = False
    lists_uploads: bool = True
    is_near: bool = False


def unsupported(store: str, what: str) -> InvalidInputError:
    """Return the error for asking a store what its capabilities exclude."""
    return InvalidInputError(
        f"{store} {what}; look at its capabilities before asking", kind="unsupported"
    )
