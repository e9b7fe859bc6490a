"""Which store a session opens."""

import tempfile
from pathlib import Path

from astrid_sdk.config import StorageConfig, r2_is_configured, store_folder, tier_quotas
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.audit.trail import AuditTrail
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.stack import assemble, local_stack

LOCAL_BUCKET = "astrid-storage"
DEFAULT_FOLDER = Path(".astrid")
MEMORY = "memory://"
AUDIT = "audit"
"""The folder of this machine's part of the audit, beside the store."""


def connect(
    location: str | Path | None = None, *, config: StorageConfig | None = None
) -> AstridSession:
    """Open a store.

    Parameters
    ----------
    location : str or Path, optional
        A folder, or ``"memory://"`` for a private folder that `AstridSession.close` removes.
        Without it: R2 when ``ASTRID_R2_*`` is set, else the folder ``ASTRID_STORE`` names, else
        ``./.astrid``.
    config : StorageConfig, optional
        An R2 bucket, instead of the environment's.

    Raises
    ------
    InvalidInputError
        Both are given, ``ASTRID_R2_*`` is set in part, or a quota cannot be read.
    AccessDeniedError
        The folder cannot be written.
    """
    if location is not None and config is not None:
        raise InvalidInputError("connect() takes a folder or a config, not both")
    if location == MEMORY:
        folder = Path(tempfile.mkdtemp(prefix="astrid-"))
        session = _embedded(folder)
        session.make_private()
        return session
    if location is not None:
        return _embedded(Path(location))
    if config is None and not r2_is_configured():
        return _embedded(store_folder() or DEFAULT_FOLDER)
    chosen = config or StorageConfig.from_environment()
    home = (store_folder() or DEFAULT_FOLDER) / "r2" / chosen.r2_bucket_name
    client = R2StorageClient(chosen)
    trail = AuditTrail(client, chosen.r2_bucket_name, home / AUDIT)
    storage = assemble(client, quotas=chosen.quotas, spool_folder=home / "spool", trail=trail)
    return AstridSession(storage, chosen.r2_bucket_name, home, config=chosen)


def _embedded(folder: Path) -> AstridSession:
    client = local_stack(LocalStorageClient(folder))
    trail = AuditTrail(client, LOCAL_BUCKET, folder / AUDIT)
    storage = assemble(client, quotas=tier_quotas(), trail=trail)
    if not (folder / LOCAL_BUCKET).is_dir():
        storage.create_bucket(LOCAL_BUCKET)
    return AstridSession(storage, LOCAL_BUCKET, folder)
