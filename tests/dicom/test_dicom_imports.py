"""The room is light until it is used, and leaves the process as it found it."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("heavy", ["numpy", "pydicom", "monai", "torch", "PIL"])
def test_importing_the_room_imports_nothing_heavy(heavy):
    done = run(f"import sys, medneg.dicom; sys.exit({heavy!r} in sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")


def test_loading_monai_is_silent_and_leaves_its_baggage_importable():
    done = run(
        "import sys, medneg.dicom.reader\n"
        "assert not {'transformers', 'torchvision', 'pandas', 'sklearn'} & set(sys.modules)\n"
        "import scipy"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
