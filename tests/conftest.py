"""What all tests share: helpers beside them, and hypothesis is quick and, in CI, repeatable."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.append(str(Path(__file__).resolve().parent))  # pytest's importlib mode does not look here for helpers

settings.register_profile("default", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture
def interruptible():
    """The process may have been started with interrupts ignored, as a shell's background jobs are."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
