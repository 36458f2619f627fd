"""A tiny archive of six images with known labels, hostile texts among them, and the page over it."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.once import forget_all
from app.serving import logs
from medneg import encoders
from medneg.archive import Archive, FileStamp, Label, NewImage
from medneg.query import lexicon
from medneg.values import Radiograph
from tests.app.asgi import service
from tests.app.calibrated import knowing_encoder, make_archive
from tests.fake_encoder import FakeEncoder

MAIN = Path(__file__).parents[2] / "app" / "main.py"
SCRIPT = "<script>alert('x')</script>"
IMAGES = (
    # findings, sex, age, date, patient; the first two are one patient
    (("pleural_effusion",), "F", 61.0, "2024-05-11", "anna"),
    (("pleural_effusion", "aortic_calcification"), "F", 60.0, "2023-09-02", "anna"),
    (("aortic_calcification",), "M", 70.0, "2022-01-01", "ben"),
    (("pleural_effusion",), "M", None, None, "carl"),
    (("cardiomegaly",), "F", 83.0, "2021-03-04", "dora"),
    ((), "M", 45.0, "2020-02-02", "emil"),
)
REPORT = f"FINDINGS: Large left pleural effusion. No pneumothorax.\nPossible edema. {SCRIPT}"


@pytest.fixture(scope="session")
def encoder() -> FakeEncoder:
    return FakeEncoder(width=64)


@pytest.fixture(scope="session")
def archive_folder(tmp_path_factory: pytest.TempPathFactory, encoder: FakeEncoder) -> Path:
    folder = tmp_path_factory.mktemp("app")
    with Archive.open(folder / "archive", create=True) as store:
        store.register(encoder.card)
        new = [_image(folder / f"{place}.png", place, encoder) for place in range(len(IMAGES))]
        store.store(encoder.card.image_fingerprint, images=new)
        store.label({image.file.path: Label(findings=_states(place)) for place, image in enumerate(new)})
        store.add_reports([("study-0", REPORT, {})])
    return folder / "archive"


@pytest.fixture
def page(
    archive_folder: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AppTest]]:
    """Open the page with parameters in its address bar."""
    monkeypatch.setenv("MEDNEG_ARCHIVE", str(archive_folder))
    monkeypatch.delenv("MEDNEG_TEXT_ENCODERS", raising=False)
    monkeypatch.delenv("MEDNEG_REPORTS", raising=False)
    monkeypatch.setattr(encoders, "load", lambda name, text_encoder=None: encoder)
    forget_all()
    st.cache_data.clear()

    def open_page(**parameters: str | list[str]) -> AppTest:
        test = AppTest.from_file(str(MAIN), default_timeout=300)
        for name, value in parameters.items():
            test.query_params[name] = value
        return test.run()

    yield open_page
    forget_all()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What the operator decided, changeable by a test."""

    def tell(**settings: object) -> None:
        monkeypatch.setenv("MEDNEG_SERVE", json.dumps(settings))
        forget_all()

    return tell


@pytest.fixture
def served(
    archive_folder: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch, told: Callable[..., None]
) -> Iterator[Any]:
    """The service over the archive of six images."""
    monkeypatch.setenv("MEDNEG_ARCHIVE", str(archive_folder))
    monkeypatch.delenv("MEDNEG_TEXT_ENCODERS", raising=False)
    monkeypatch.setattr(encoders, "load", lambda name, text_encoder=None: encoder)
    told()
    yield service()
    forget_all()


@pytest.fixture
def lines(served: Any) -> Iterator[list[dict[str, Any]]]:
    """The lines of the log as they would be written."""
    written: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(logs.JsonLines().format(record)))

    handler, log = Keep(), logging.getLogger(logs.NAME)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield written
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def knowing() -> FakeEncoder:
    return knowing_encoder()


@pytest.fixture(scope="session")
def calibrated_folder(tmp_path_factory: pytest.TempPathFactory, knowing: FakeEncoder) -> Path:
    return make_archive(tmp_path_factory.mktemp("calibrated") / "archive", knowing)


@pytest.fixture
def calibrated(
    page: Callable[..., AppTest],
    calibrated_folder: Path,
    knowing: FakeEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., AppTest]:
    """Open the page over an archive that is calibrated."""
    monkeypatch.setenv("MEDNEG_ARCHIVE", str(calibrated_folder))
    monkeypatch.setattr(encoders, "load", lambda name, text_encoder=None: knowing)
    return page


def _states(place: int) -> dict[str, str]:
    named = ("pleural_effusion", "aortic_calcification", "calcified_granuloma", "cardiomegaly")
    return {finding: "present" if finding in IMAGES[place][0] else "absent" for finding in named}


def _image(path: Path, place: int, encoder: FakeEncoder) -> NewImage:
    findings, sex, age, date, patient = IMAGES[place]
    grey = np.linspace(0, 255, 48 * 40).reshape(48, 40).astype(np.uint8)
    Image.fromarray(grey).save(path)
    jpeg = io.BytesIO()
    Image.fromarray(grey).save(jpeg, "JPEG")
    words = " ".join(lexicon().finding(finding).prompt for finding in findings) or "clear lungs"
    return NewImage(
        file=FileStamp(
            path=str(path),
            sha256=hashlib.sha256(path.read_bytes() + bytes([place])).hexdigest(),
            size=path.stat().st_size,
            mtime_ns=path.stat().st_mtime_ns,
        ),
        radiograph=Radiograph(
            pixels=np.zeros((48, 40), np.float32),
            patient=patient,
            study=f"study-{place}",
            image=f"image-{place}",
            view="PA",
            sex=sex,
            age=age,
            study_date=date,
            modality="DX" if place else "CR",
            grey_scale="as stored",
            header={"StationName": SCRIPT},
            phantom=place != 5,
        ),
        rows=48,
        columns=40,
        vector=encoder.encode_texts([words])[0],
        thumbnail=jpeg.getvalue(),
    )
