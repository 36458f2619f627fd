import csv
import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from medneg.errors import MednegError
from medneg.phantom import drawing, files, writer
from medneg.phantom.files import TRANSFER_SYNTAXES, bordered, compress, write_file
from medneg.phantom.greyscale import BITS_ODDS, VOI_ODDS, GreyScale, choose_grey_scale, store
from medneg.phantom.identity import identifier, stream
from medneg.phantom.people import REGIONS
from medneg.phantom.sampling import Study, sample_studies
from medneg.phantom.truth import FINDINGS, Picture

STUDIES = 150


def ramp(picture: Picture) -> np.ndarray:
    """A stand-in for a drawing: every grey from black to white, and some of each beyond."""
    rows, columns = picture.technique.rows, picture.technique.columns
    grey = np.add.outer(np.linspace(-0.1, 0.6, rows), np.linspace(0.0, 0.5, columns))
    return np.clip(grey, 0, 1).astype(np.float32)


def displayed(dataset: Dataset) -> np.ndarray:
    """The grey-scale chain of PS3.3 C.11 written out from its equations, pixel by pixel."""
    x = dataset.pixel_array.astype(np.float64)
    x = x * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    if "VOILUTSequence" in dataset:
        item = dataset.VOILUTSequence[0]
        count, first, bits = item.LUTDescriptor
        data = item.LUTData
        table = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.array(data)
        assert len(table) == count
        y = table[np.clip(x - first, 0, count - 1).astype(int)] / (2**bits - 1)
    elif "WindowCenter" in dataset:
        y = windowed(dataset, x)
    else:
        y = (x - x.min()) / (x.max() - x.min())
    return 1 - y if dataset.PhotometricInterpretation == "MONOCHROME1" else y


def windowed(dataset: Dataset, x: np.ndarray) -> np.ndarray:
    center, width = (float(np.atleast_1d(dataset[k].value)[0]) for k in ("WindowCenter", "WindowWidth"))
    function = dataset.get("VOILUTFunction", "LINEAR")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (x - center) / width))
    if function == "LINEAR_EXACT":
        return np.clip((x - center) / width + 0.5, 0, 1)
    return np.clip((x - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def expected(study: Study, number: int) -> np.ndarray:
    return bordered(ramp(study.pictures[number]), stream(identifier(study.study, "image", number), "file"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantom")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "draw", ramp)
        done = writer.write(out, studies=STUDIES, seed=4, rows=64, workers=0)
    return out, done


@pytest.fixture(scope="module")
def rows(folder):
    with (folder[0] / "labels.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def films(folder, rows):
    """(study, number, dataset) of every file, in the order of the table."""
    studies = {study.study: study for study in sample_studies(4, STUDIES, rows=64)}
    numbers = (int(row["file"].rsplit("-i", 1)[1].removesuffix(".dcm")) - 1 for row in rows)
    return [
        (studies[row["study"]], number, pydicom.dcmread(folder[0] / row["file"]))
        for row, number in zip(rows, numbers, strict=True)
    ]


def hashes(out: Path) -> dict[str, str]:
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def test_the_chain_gives_back_the_picture(films):
    for study, number, dataset in films:
        picture = expected(study, number)
        shown = displayed(dataset)
        steps = 2.0 / (2**dataset.BitsStored)
        if "WindowCenter" in dataset or "VOILUTSequence" in dataset:
            assert np.abs(shown - picture).max() <= 0.011 + steps, dataset.file_meta.TransferSyntaxUID.name
        else:
            assert np.corrcoef(shown.ravel(), picture.ravel())[0, 1] > 0.9999


def test_windows_matter(films):
    # The stored range alone, shown from its minimum to its maximum, is another picture.
    worse = 0
    for study, number, dataset in films:
        if "WindowCenter" in dataset or "VOILUTSequence" in dataset:
            stored = dataset.pixel_array.astype(float)
            shown = (stored - stored.min()) / (stored.max() - stored.min())
            shown = 1 - shown if dataset.PhotometricInterpretation == "MONOCHROME1" else shown
            worse += np.abs(shown - expected(study, number)).max() > 0.05
    assert worse > 0.95 * sum("WindowCenter" in d or "VOILUTSequence" in d for _, _, d in films)


def test_files_are_encoded_in_every_way(films):
    count = Counter(dataset.file_meta.TransferSyntaxUID for _, _, dataset in films)
    for syntax, share in TRANSFER_SYNTAXES.items():
        assert count[syntax] / len(films) == pytest.approx(share, abs=0.07), syntax.name
        assert count[syntax] > 0


def test_files_vary_as_real_ones_do(films):
    headers = [dataset for _, _, dataset in films]
    assert {dataset.BitsStored for dataset in headers} == set(BITS_ODDS)
    half = sum(dataset.PhotometricInterpretation == "MONOCHROME1" for dataset in headers) / len(headers)
    assert half == pytest.approx(0.5, abs=0.09)
    assert {d.get("VOILUTFunction") for d in headers} >= {None, "LINEAR", "LINEAR_EXACT", "SIGMOID"}
    assert {d.VOILUTSequence[0].LUTExplanation for d in headers if "VOILUTSequence" in d} == {
        "NK5",
        "SOFTER",
        "E25",
    }
    assert any("WindowCenter" not in d and "VOILUTSequence" not in d for d in headers)
    assert {d.get("RescaleSlope") for d in headers} >= {None, 1, 0.5}
    assert {d.Modality for d in headers} == {"CR", "DX"}
    assert len({(d.Rows, d.Columns) for d in headers}) == 4


def test_some_files_do_not_say_their_view(films):
    silent = [dataset for _, _, dataset in films if "ViewPosition" not in dataset]
    assert 0.2 < len(silent) / len(films) < 0.38
    assert all("PatientOrientation" in dataset for dataset in silent)
    assert not any("ViewCodeSequence" in dataset for dataset in silent)


def test_files_that_say_their_view_say_the_right_one(films):
    for study, number, dataset in films:
        view = study.pictures[number].technique.view
        words = {"PA": {"PA"}, "AP": {"AP"}, "LATERAL": {"LL", "RL", "LATERAL"}}[view]
        assert dataset.get("ViewPosition") in words | {None}


def test_people_are_written_in_several_scripts(films):
    charsets = {tuple(np.atleast_1d(d.get("SpecificCharacterSet") or ())) for _, _, d in films}
    assert charsets >= {(), ("ISO_IR 100",), ("ISO_IR 192",), ("ISO_IR 144",)}
    assert {region.charset[-1:] for region in REGIONS} == {charset[-1:] for charset in charsets}
    names = {str(dataset.PatientName) for _, _, dataset in films}
    assert any("=" in name for name in names)
    assert not any("\ufffd" in name or "?" in name for name in names)
    for study, _, dataset in films:
        assert dataset.PatientID == study.patient
        assert str(dataset.InstitutionName)
        assert str(dataset.ReferringPhysicianName)
        assert dataset.AccessionNumber == study.accession


def test_every_file_says_that_it_is_a_phantom(films):
    assert {dataset.Manufacturer for _, _, dataset in films} == {"medneg phantom"}
    assert {dataset.get("BurnedInAnnotation") for _, _, dataset in films} == {"NO", None}


def test_a_patient_has_one_name_and_one_birth_date(films):
    by_patient = {}
    for study, _, dataset in films:
        by_patient.setdefault(study.patient, set()).add((str(dataset.PatientName), dataset.PatientBirthDate))
    assert all(len(people) == 1 for people in by_patient.values())


def test_instances_are_unique_and_series_belong_to_a_study(films):
    assert len({dataset.SOPInstanceUID for _, _, dataset in films}) == len(films)
    assert all(dataset.StudyInstanceUID == study.study for study, _, dataset in films)


def test_labels_have_exactly_the_columns_that_scripts_rely_on(rows):
    first = ["file", *FINDINGS, "patient", "study", "view", "sex", "age", "study_date"]
    assert list(rows[0]) == first + [f"{f}_{what}" for f in FINDINGS for what in ("side", "size")]


def test_labels_are_the_truth(films, rows):
    for (study, number, _), row in zip(films, rows, strict=True):
        assert row["view"] == study.pictures[number].technique.view
        assert (row["sex"], row["age"]) == (study.person.sex, str(study.person.age))
        for finding in FINDINGS:
            truth = study.find(finding)
            assert row[finding] == str(int(truth is not None))
            assert row[f"{finding}_side"] == ((truth.side if truth else None) or "")
            assert row[f"{finding}_size"] == ((truth.size if truth else None) or "")


def test_every_study_has_a_report(folder, rows):
    with (folder[0] / "reports.csv").open(encoding="utf-8", newline="") as table:
        reports = list(csv.DictReader(table))
    assert list(reports[0]) == ["study", "report"]
    assert {report["study"] for report in reports} == {row["study"] for row in rows}
    assert all("IMPRESSION: " in report["report"] for report in reports)


def test_file_names_name_nobody(rows):
    for row in rows:
        assert row["patient"] not in row["file"]
        assert row["study_date"].replace("-", "") not in row["file"]


def test_the_summary_counts_what_was_written(folder, rows):
    out, done = folder
    assert done.images == len(rows) == len(list(out.rglob("*.dcm")))
    assert done.studies == STUDIES == len({row["study"] for row in rows})
    assert done.patients == len({row["patient"] for row in rows})
    assert done.seconds > 0
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)], ids="workers={}".format)
def test_two_runs_give_the_same_bytes_whatever_the_workers(tmp_path, workers):
    seen = []
    writer.write(tmp_path / "once", studies=4, seed=9, rows=64, workers=0)
    writer.write(
        tmp_path / "again",
        studies=4,
        seed=9,
        rows=64,
        workers=workers,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert hashes(tmp_path / "once") == hashes(tmp_path / "again")
    assert seen[-1] == (seen[0][1], seen[0][1])


def test_a_run_may_be_repeated_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "draw", ramp)
    writer.write(tmp_path, studies=3, seed=1, rows=64, workers=0)
    before = hashes(tmp_path)
    next(tmp_path.rglob("*.dcm")).unlink()
    writer.write(tmp_path, studies=3, seed=1, rows=64, workers=0)
    assert hashes(tmp_path) == before


def test_a_folder_with_files_of_another_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "draw", ramp)
    writer.write(tmp_path, studies=4, seed=1, rows=64, workers=0)
    with pytest.raises(MednegError, match=r"would not write, dicom/p.* among them; choose an empty"):
        writer.write(tmp_path, studies=1, seed=1, rows=64, workers=0)


def test_a_run_that_breaks_off_leaves_no_half_file(tmp_path, monkeypatch):
    def fail(file, dataset, **options):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(drawing, "draw", ramp)
    monkeypatch.setattr(files, "dcmwrite", fail)
    with pytest.raises(OSError, match="no space left"):
        write_file(tmp_path / "one.dcm", next(sample_studies(1, 1, rows=64)), 0)
    assert not (tmp_path / "one.dcm").exists()


@pytest.mark.parametrize(
    "syntax", [uid for uid in TRANSFER_SYNTAXES if uid.is_encapsulated], ids=lambda u: u.name
)
@pytest.mark.parametrize("bits", BITS_ODDS)
def test_compression_loses_nothing(syntax, bits):
    rng = np.random.default_rng(bits)
    stored = rng.integers(0, 2**bits, size=(37, 41)).astype(np.uint8 if bits == 8 else np.uint16)
    dataset = Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 37, 41, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = stored.itemsize * 8, bits, bits - 1
    dataset.PixelData = pydicom.encaps.encapsulate([compress(stored, bits, syntax)])
    dataset["PixelData"].VR = "OB"
    np.testing.assert_array_equal(dataset.pixel_array, stored)


@pytest.mark.parametrize("voi", VOI_ODDS)
def test_stored_values_use_the_range_and_stay_within_it(voi):
    grey = replace(choose_grey_scale(np.random.default_rng(1)), voi=voi, bits=12, low=500, high=3500)
    picture = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    stored = store(picture, grey, np.random.default_rng(2))
    assert stored.dtype == np.uint16
    assert stored.max() <= grey.top == 4095
    assert (stored.min() < 500) == (voi != "NONE")


def test_a_voi_lut_rises_from_black_to_white():
    grey = GreyScale(
        bits=12,
        inverted=False,
        voi="LUT",
        slope=None,
        intercept=None,
        low=100,
        high=900,
        bend=0.85,
        lut_bits=12,
    )
    table = grey.lut().astype(int)
    assert (len(table), table[0], table[-1]) == (801, 0, 4095)
    assert (np.diff(table) >= 0).all()


def test_the_product_reads_its_phantoms_as_they_were_drawn(folder, films, rows):
    from medneg.dicom import read

    for (study, number, dataset), row in list(zip(films, rows, strict=True))[:25]:
        radiograph = read(folder[0] / row["file"], key=b"k" * 32)
        assert radiograph.phantom
        assert radiograph.view in (row["view"], None)
        assert (radiograph.sex, radiograph.study_date) == (row["sex"], row["study_date"])
        apart = np.abs(radiograph.pixels - expected(study, number)).max()
        assert apart <= (0.02 if "WindowCenter" in dataset or "VOILUTSequence" in dataset else 0.1)
