"""What is kept of who and when, and what is not."""

from __future__ import annotations

import contextlib
import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medneg.dicom import pseudonym, read
from medneg.errors import UnreadableImage

KEY = b"key"
PICTURE = np.arange(64, dtype=np.uint8).reshape(8, 8)


def test_pseudonyms_are_keyed_hashes_of_the_identifiers(write):
    radiograph = read(write(PICTURE), key=KEY)
    assert radiograph.patient == hmac.new(KEY, b"P1", hashlib.sha256).hexdigest()[:16]
    assert radiograph.study == pseudonym(KEY, "1.2.3")
    assert radiograph.image == pseudonym(KEY, "1.2.3.4")


def test_another_key_gives_other_pseudonyms(write):
    path = write(PICTURE)
    assert read(path, key=b"a").patient != read(path, key=b"b").patient


def test_an_empty_key_is_refused():
    with pytest.raises(ValueError, match="a pseudonym needs a key"):
        pseudonym(b"", "P1")


def test_the_same_id_of_two_issuers_is_two_patients(write):
    one = read(write(PICTURE, IssuerOfPatientID="North"), key=KEY).patient
    other = read(write(PICTURE, IssuerOfPatientID="South"), key=KEY).patient
    assert len({one, other, pseudonym(KEY, "P1")}) == 3


def test_missing_identifiers_are_replaced_by_the_content(write):
    path = write(PICTURE, PatientID=None, StudyInstanceUID=None, SOPInstanceUID="")
    radiograph = read(path, key=KEY)
    expected = pseudonym(KEY, hashlib.sha256(path.read_bytes()).hexdigest())
    assert (radiograph.patient, radiograph.study, radiograph.image) == (expected,) * 3


@pytest.mark.parametrize(
    ("elements", "years"),
    [
        ({"PatientAge": "062Y"}, 62),
        ({"PatientAge": "62"}, 62),
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": "026W"}, 0.5),
        ({"PatientAge": "004D"}, 0.01),
        ({"PatientAge": "089Y"}, 89),
        ({"PatientAge": "090Y"}, 90),
        ({"PatientAge": "101Y"}, 90),
        ({"PatientAge": "old"}, None),
        ({"PatientAge": "999Y"}, None),
        ({}, None),
        ({"PatientBirthDate": "19500615", "StudyDate": "20100614"}, 59),
        ({"PatientBirthDate": "19500615", "StudyDate": "20100615"}, 60),
        ({"PatientBirthDate": "19000101", "StudyDate": "20100615"}, 90),
        ({"PatientBirthDate": "20200101", "StudyDate": "20100615"}, None),
        ({"PatientBirthDate": "19500615"}, None),
        ({"PatientAge": "040Y", "PatientBirthDate": "19500615", "StudyDate": "20100615"}, 40),
    ],
)
def test_age_is_stated_or_counted_and_ends_at_ninety(write, elements, years):
    assert read(write(PICTURE, **elements), key=KEY).age == years


@pytest.mark.parametrize(
    ("written", "read_as"), [("F", "F"), ("M", "M"), ("O", "O"), ("f", "F"), ("?", None), ("", None)]
)
def test_sex_is_one_of_three_or_unknown(write, written, read_as):
    assert read(write(PICTURE, PatientSex=written), key=KEY).sex == read_as


@pytest.mark.parametrize(
    ("elements", "date"),
    [
        ({"StudyDate": "20040826"}, "2004-08-26"),
        ({"StudyDate": "1999.05.24"}, "1999-05-24"),
        ({"StudyDate": "20041399"}, None),
        ({"StudyDate": "", "AcquisitionDate": "20040827"}, "2004-08-27"),
        ({}, None),
    ],
)
def test_dates_are_iso_or_none(write, elements, date):
    assert read(write(PICTURE, **elements), key=KEY).study_date == date


def coded(meaning):
    item = Dataset()
    item.CodeMeaning = meaning
    return [item]


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "AP"}, "AP"),
        ({"ViewPosition": "LL"}, "LATERAL"),
        ({"ViewPosition": "RL"}, "LATERAL"),
        ({"ViewPosition": "LARGE LATERAL"}, "LATERAL"),
        ({"ViewPosition": "LLD", "SeriesDescription": "AP decubitus"}, None),
        ({"ViewPosition": "PA", "SeriesDescription": "lateral"}, "PA"),
        ({"ViewCodeSequence": coded("postero-anterior")}, "PA"),
        ({"ViewCodeSequence": coded("antero-posterior")}, "AP"),
        ({"ViewCodeSequence": coded("left lateral")}, "LATERAL"),
        ({"PatientOrientation": ["A", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["P", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["L", "F"]}, None),
        ({"PatientOrientation": ["L", "F"], "SeriesDescription": "view: PA"}, "PA"),
        ({"SeriesDescription": "CHEST_AP_SUPINE"}, "AP"),
        ({"SeriesDescription": "W034 Chest LAT."}, "LATERAL"),
        ({"SeriesDescription": "Chest PA and LAT"}, None),
        ({"SeriesDescription": "paediatric apex"}, None),
        ({"ProtocolName": "Thorax p.a."}, "PA"),
        ({}, None),
    ],
)
def test_the_view_is_found_where_it_stands(write, elements, view):
    assert read(write(PICTURE, **elements), key=KEY).view == view


PERSONAL = (
    "PatientName",
    "PatientID",
    "PatientAddress",
    "OtherPatientIDs",
    "AccessionNumber",
    "StudyID",
    "InstitutionName",
    "ReferringPhysicianName",
    "OperatorsName",
    "StationName",
    "DeviceSerialNumber",
    "PatientComments",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "ImageComments",
    "AdmittingDiagnosesDescription",
)


def test_nothing_personal_leaves_the_file(write):
    secret = "Zebedee"
    personal = dict.fromkeys(PERSONAL, secret)
    radiograph = read(write(PICTURE, PatientBirthDate="19500615", **personal), key=KEY)
    kept = repr({name: getattr(radiograph, name) for name in radiograph.__slots__ if name != "pixels"})
    assert secret not in kept
    assert "1950" not in kept


def test_the_header_keeps_what_describes_the_picture(write):
    radiograph = read(
        write(
            PICTURE,
            KVP="120",
            ImagerPixelSpacing=["0.15", "0.15"],
            WindowCenter=["5", "6"],
            Manufacturer="Acme",
        ),
        key=KEY,
    )
    assert radiograph.modality == "DX"
    assert radiograph.header["SOPClass"] == "Digital X-Ray Image Storage - For Presentation"
    assert radiograph.header["TransferSyntax"] == "Explicit VR Little Endian"
    assert radiograph.header["KVP"] == "120"
    assert radiograph.header["ImagerPixelSpacing"] == "0.15\\0.15"
    assert radiograph.header["WindowCenter"] == "5\\6"
    assert radiograph.header["Manufacturer"] == "Acme"
    assert "Exposure" not in radiograph.header


def test_a_phantom_says_so(write):
    assert read(write(PICTURE, Manufacturer="medneg phantom"), key=KEY).phantom
    assert not read(write(PICTURE, Manufacturer="Acme"), key=KEY).phantom


def test_kept_text_has_no_control_characters_and_an_end(write):
    hostile = "A\x1b[31m\u202e<script>\x07" + "x" * 300
    kept = read(write(PICTURE, Manufacturer=hostile, SpecificCharacterSet="ISO_IR 192"), key=KEY)
    assert kept.header["Manufacturer"] == "A[31m<script>" + "x" * 51


HOSTILE = (
    "PatientID",
    "PatientAge",
    "PatientSex",
    "PatientBirthDate",
    "StudyDate",
    "ViewPosition",
    "PatientOrientation",
    "Modality",
    "SeriesDescription",
    "WindowCenter",
    "WindowWidth",
    "RescaleSlope",
    "RescaleIntercept",
    "VOILUTFunction",
    "Manufacturer",
    "PresentationLUTShape",
    "SpecificCharacterSet",
    "KVP",
    "PixelSpacing",
    "NumberOfFrames",
    "BodyPartExamined",
)


def put_character_set(path, raw):
    """Put (0008,0005), explicit little endian, in front of a written file's dataset."""
    raw = raw + b" " * (len(raw) % 2)
    written = path.read_bytes()
    start = 144 + int.from_bytes(written[140:144], "little")  # preamble, "DICM", (0002,0000), the meta group
    element = b"\x08\x00\x05\x00CS" + len(raw).to_bytes(2, "little") + raw
    path.write_bytes(written[:start] + element + written[start:])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(HOSTILE), st.binary(max_size=80), max_size=6))
@example({"PatientID": b"", "SpecificCharacterSet": b"\x00\x01"})
@example({"PatientName": b"\xff\xfe", "SpecificCharacterSet": b"ISO_IR 192"})
def test_no_bytes_in_the_header_crash_the_reader(write, dataset, values):
    """Whatever stands in an element, the file is read or set aside."""
    hostile = dataset(PICTURE)
    for keyword, raw in values.items():
        tag = Tag(keyword)
        raw = raw + b" " * (len(raw) % 2)
        if keyword != "SpecificCharacterSet":
            hostile._dict[tag] = RawDataElement(tag, dictionary_VR(tag), len(raw), raw, 0, False, True)
    path = write(hostile)
    if "SpecificCharacterSet" in values:  # pydicom would use it while writing: it goes in afterwards
        put_character_set(path, values["SpecificCharacterSet"])
    with contextlib.suppress(UnreadableImage):
        assert read(path, key=KEY).pixels.shape == (8, 8)
