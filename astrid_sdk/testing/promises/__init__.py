"""The promises of `ObjectStorage` by their subject: what `ObjectStorageSuite` is made of."""

import pytest

# Failing comparisons are explained as in test modules.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{subject}"
        for subject in (
            "batches",
            "capabilities",
            "changing",
            "conditions",
            "listing",
            "names",
            "reading",
            "streams",
            "tables",
            "uploads",
        )
    )
)
