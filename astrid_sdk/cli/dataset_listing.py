"""What ``astrid dataset show`` prints: what is said of a dataset, and what a version holds."""

from collections import Counter
from collections.abc import Iterator

from astrid_sdk.datasets.information import DatasetInformation
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.datasets.tables import size_of
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.rendering import human_bytes

_SHOWN = 40


def version_lines(
    said: DatasetInformation, version: DatasetVersion, manifest: DatasetManifest
) -> Iterator[str]:
    """Yield lines: the dataset, the version, its classes, its first files."""
    yield f"{version.name}  {version.files:,} files  {size_of(version)}".rstrip()
    yield from (f"{name}: {text}" for name, text in said.rows())
    yield f"made {version.created_at:%Y-%m-%d %H:%M} by {version.author}: {version.message}"
    yield f"manifest {version.manifest_hash}"
    if version.parents:
        yield f"from {', '.join(version.parents)}"
    if version.git_revision:
        yield f"git revision {version.git_revision}"
    yield from (f"{name}: {text}" for name, text in version.details.items())
    labels = Counter(file.label or "unlabelled" for file in manifest.files)
    yield f"labels: {', '.join(f'{count:,} {label}' for label, count in labels.most_common())}"
    for file in manifest.files[:_SHOWN]:
        size = "" if file.size_bytes is None else human_bytes(file.size_bytes)
        yield f"  {file.path}@{file.content_hash[:8]}  {file.role}  {file.label or '-'}  {size}"
    more = len(manifest.files) - _SHOWN
    if more > 0:
        yield f"  and {more:,} more: --json has all"
    yield from (f"left out: {night.night}, {night.reason}" for night in manifest.left_out)
