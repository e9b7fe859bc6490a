"""The chain through the real assets, in this process."""

import threading

import pytest
from conftest import SmallSurvey
