"""The room is light until it is used, and leaves the process as it found it."""

from __future__ import annotations

import subprocess
import sys


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=300
    )


def test_importing_the_room_imports_nothing_heavy():
    done = run(
        "import sys, medneg.dicom\nprint({'numpy', 'pydicom', 'monai', 'torch', 'PIL'} & set(sys.modules))"
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_loading_monai_is_silent_and_leaves_its_baggage_importable():
    done = run(
        "import sys, medneg.dicom.reader\n"
        "assert not {'transformers', 'torchvision', 'pandas', 'sklearn'} & set(sys.modules)\n"
        "import scipy"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
