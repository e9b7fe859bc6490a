"""What `astrid_sdk.testing` promises as a package."""

import inspect
import subprocess
import sys

import pytest

import astrid_sdk.testing

PROBE = """
import sys
import astrid_sdk.testing
from astrid_sdk.testing import FlakyStore
print("pytest" in sys.modules, "boto3" in sys.modules, "deltalake" in sys.modules)
"""


def test_the_names_resolve_and_are_documented() -> None:
    said = astrid_sdk.testing.__doc__ or ""
    for name in astrid_sdk.testing.__all__:
        assert inspect.getdoc(getattr(astrid_sdk.testing, name))
        assert name in dir(astrid_sdk.testing)
        assert f"`{name}`" in said


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = astrid_sdk.testing.no_such_name


def test_stores_for_tests_load_neither_pytest_nor_heavy_libraries() -> None:
    answer = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True)
    assert answer.stdout.split() == [b"False"] * 3
