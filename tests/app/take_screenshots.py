"""Take docs/images/search.png, detail.png and diagnostics.png of a running page with headless Chromium.

    medneg ui --archive ARCHIVE --no-browser &
    python tests/app/take_screenshots.py http://localhost:8501 docs/images

The archive must be calibrated (``medneg calibrate``), as the pictures show probabilities and a promise, and
have a diagnostic report (``medneg diagnose --out ARCHIVE/diagnoses/NAME``). Needs
Debian's chromium and, in any environment, ``pip install playwright pillow``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What Chromium needs on a machine without a network or a desktop."""

PATIENCE = 180_000
"""Milliseconds: the first answer waits for the encoder, the first image for its reader."""

QUERY = "effusion but no calcification"


def main() -> None:
    """Open the search, its first hit and the latest report, wait until each is drawn, and keep all three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="of the page, for example http://localhost:8501")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--query", default=QUERY)
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=1130)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=list(FLAGS))
        size = {"width": arguments.width, "height": arguments.height}
        page = browser.new_page(viewport=size, color_scheme="dark")
        take(page, arguments.address, arguments.query, arguments.folder)
        browser.close()


def take(page: Any, address: str, query: str, folder: Path) -> None:
    """Ask, open the first hit with its maps, go to the reports; keep each page."""
    page.set_default_timeout(PATIENCE)
    for _ in range(2):  # the first visit waits for the encoder, the second shows what every later one takes
        page.goto(f"{address}/?q={query.replace(' ', '+')}&compare=true&promise=5%25")
        page.wait_for_selector("[class*='st-key-card_plain'] img")
        settle(page)
    keep(page, folder / "search.png")
    page.locator(".st-key-open_medneg_1 button").click()
    page.wait_for_selector(".mn-heard")
    for place in range(page.locator(".st-key-maps button").count()):
        page.locator(".st-key-maps button").nth(place).click()
        settle(page)
    keep(page, folder / "detail.png")
    page.goto(f"{address}/diagnostics")
    page.wait_for_selector(".mn-verdict")
    settle(page)
    keep(page, folder / "diagnostics.png")


def keep(page: Any, path: Path) -> None:
    """Save what is on the screen with 256 colours, chosen so that the few bright ones stay."""
    from PIL import Image

    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def settle(page: Any) -> None:
    """Wait until Streamlit has begun to draw anew, and has stopped."""
    page.wait_for_timeout(1_000)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton], [data-stale=true]')")
    page.wait_for_timeout(1_000)


if __name__ == "__main__":
    main()
