"""A page as PDF, printed by a Chromium that is already on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SECONDS = 120


def print_page(page: Path, pdf: Path) -> bool:
    """Print an HTML file; False where there is no browser, or it does not manage within two minutes.

    Args:
        page: a self-contained HTML file.
        pdf: is written.
    """
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return False
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={profile}"),
            *(["--no-sandbox"] if _is_root() else []),  # Chromium refuses its sandbox to root
            *(f"--print-to-pdf={pdf.resolve()}", page.resolve().as_uri()),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError):
            return False
    return pdf.is_file()


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
