"""Headers of phantom files: as varied as those of 7,469 real chest radiographs, everyone in them invented."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation

from medneg.phantom.greyscale import GreyScale
from medneg.phantom.identity import identifier, stream
from medneg.phantom.people import Region, choose_region, person_name, physician_name
from medneg.phantom.sampling import Study
from medneg.phantom.truth import Technique

MANUFACTURER = "medneg phantom"
"""By this value everything downstream knows a drawing from a patient."""

FIELD_MM = 400.0
"""The shorter edge of every picture, by which its pixel spacing follows."""

DX_ODDS, NO_VIEW_ODDS = 0.3, 0.28

_MODELS = ("Woodcut 12", "Etching CR", "Drypoint DX-4", "Aquatint Mobile", "Lithograph 2000")
_VIEW_CODES = {
    "PA": ("R-10214", "postero-anterior"),
    "AP": ("R-10206", "antero-posterior"),
    "LATERAL": ("R-10236", "left lateral"),
}  # PS3.16, CID 4010
_LATERAL_WORDS, _LATERAL_ODDS = ("LL", "LATERAL", "RL"), (0.84, 0.12, 0.04)
_DESCRIPTIONS = {
    1: ("CHEST PA", "Chest 1 view", "XR CHEST", "Thorax", "CHEST SINGLE VIEW", ""),
    2: ("CHEST PA AND LATERAL", "Chest 2 views", "XR CHEST 2V", "Thorax in two planes"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One file to write: which picture of which study, and how its grey values are stored."""

    study: Study
    number: int
    grey: GreyScale

    @property
    def technique(self) -> Technique:
        """How the picture was taken."""
        return self.study.pictures[self.number].technique

    @property
    def instance(self) -> str:
        """SOPInstanceUID."""
        return identifier(self.study.study, "image", self.number)


def header(film: Film, stored: NDArray[np.uint8 | np.uint16]) -> Dataset:
    """Everything but file meta information and pixel data.

    Args:
        stored: the stored values, shape (rows, columns).
    """
    who = stream(film.study.patient)
    how = stream(film.instance, "header")
    region = choose_region(who)
    dataset = Dataset()
    if region.charset:
        dataset.SpecificCharacterSet = list(region.charset)
    _describe_patient(dataset, film.study, region, who)
    _describe_visit(dataset, film, region)
    digital = film.grey.voi != "NONE" and bool(how.random() < DX_ODDS / 0.84)
    _describe_exposure(dataset, film, digital, how)
    _describe_view(dataset, film, digital, how)
    _describe_pixels(dataset, stored, film.grey)
    _describe_grey_scale(dataset, film.grey, digital, how)
    return dataset


def _describe_patient(dataset: Dataset, study: Study, region: Region, rng: Generator) -> None:
    """PS3.3, C.7.1.1; the same in all of a patient's studies, but for the age."""
    dataset.PatientName = person_name(region, study.person.sex, rng)
    dataset.PatientID = study.patient
    dataset.PatientBirthDate = study.born.replace("-", "")
    dataset.PatientSex = study.person.sex
    if rng.random() < 0.85:
        dataset.PatientAge = f"{study.person.age:03d}Y"
    if rng.random() < 0.3:
        dataset.PatientAddress = f"{region.city} {rng.integers(1, 99)}"
        dataset.PatientTelephoneNumbers = f"+000 {rng.integers(10**6, 10**7)}"
    if rng.random() < 0.2:
        dataset.OtherPatientIDs = f"X{rng.integers(10**6, 10**7)}"


def _describe_visit(dataset: Dataset, film: Film, region: Region) -> None:
    """PS3.3, C.7.2.1 and C.7.3.1; the same in all files of a study, but for the series."""
    study, rng = film.study, stream(film.study.study)
    second = int(rng.integers(6 * 3600, 22 * 3600))
    time = (datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=second)).strftime("%H%M%S")
    dataset.StudyInstanceUID = study.study
    dataset.SeriesInstanceUID = identifier(study.study, "series", film.number)
    dataset.SeriesNumber = film.number + 1
    dataset.InstanceNumber = 1
    dataset.StudyID = str(int(rng.integers(1, 10**6)))
    dataset.AccessionNumber = study.accession
    for keyword in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{keyword}Date", study.date.replace("-", ""))
        setattr(dataset, f"{keyword}Time", time)
    dataset.InstitutionName = str(rng.choice(region.hospitals))
    dataset.InstitutionAddress = f"{region.city} {rng.integers(1, 99)}"
    dataset.ReferringPhysicianName = physician_name(region, rng)
    dataset.PerformingPhysicianName = physician_name(region, rng)
    dataset.OperatorsName = physician_name(region, rng)
    if rng.random() < 0.5:
        dataset.NameOfPhysiciansReadingStudy = physician_name(region, rng)
    if rng.random() < 0.15:
        block = dataset.private_block(0x0009, "MEDNEG PHANTOM 1", create=True)
        block.add_new(0x01, "LO", f"booked for {study.patient}")
    dataset.StudyDescription = str(rng.choice(_DESCRIPTIONS[len(study.pictures)]))


def _describe_exposure(dataset: Dataset, film: Film, digital: bool, rng: Generator) -> None:
    """PS3.3, C.7.5.1 and C.8.11: the machine."""
    dataset.SOPClassUID = (
        DigitalXRayImageStorageForPresentation if digital else ComputedRadiographyImageStorage
    )
    dataset.SOPInstanceUID = film.instance
    dataset.Modality = "DX" if digital and rng.random() < 0.8 else "CR"
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = str(rng.choice(_MODELS))
    dataset.StationName = f"ROOM{rng.integers(1, 9)}"
    dataset.SoftwareVersions = str(rng.choice(["1.0", "2.3.1", "4"]))
    dataset.DeviceSerialNumber = str(int(rng.integers(10**4, 10**5)))
    dataset.KVP = str(rng.choice(["90", "110", "125"]))
    dataset.ImageType = ["ORIGINAL", "PRIMARY"] if rng.random() < 0.3 else ["DERIVED", "PRIMARY"]
    spacing = f"{FIELD_MM / min(film.technique.rows, film.technique.columns):.4f}"
    dataset.ImagerPixelSpacing = [spacing, spacing]
    if rng.random() < 0.6:
        dataset.PixelSpacing = [spacing, spacing]
    if not digital:
        dataset.PlateType = str(rng.choice(["code15", "code37", "code39", ""]))
        dataset.Sensitivity = str(rng.choice(["200", "400", "600"]))
    if rng.random() < 0.7:
        dataset.BurnedInAnnotation = "NO"


def _describe_view(dataset: Dataset, film: Film, digital: bool, rng: Generator) -> None:
    """PS3.3, C.8.11.5; where the view is missing, only the orientation (C.7.6.1.1.1) tells anything."""
    view = film.technique.view
    if digital or rng.random() < 0.66:
        dataset.BodyPartExamined = "PORTABLE CHEST" if view == "AP" and rng.random() < 0.1 else "CHEST"
    dataset.PatientOrientation = ["P", "F"] if view == "LATERAL" else ["L", "F"]
    if rng.random() < NO_VIEW_ODDS:
        return
    word = str(rng.choice(_LATERAL_WORDS, p=_LATERAL_ODDS)) if view == "LATERAL" else view
    dataset.ViewPosition = word
    if rng.random() < 0.2:
        del dataset.PatientOrientation
    if digital:
        code = Dataset()
        code.CodeValue, code.CodeMeaning = _VIEW_CODES[view]
        code.CodingSchemeDesignator = "SRT"
        dataset.ViewCodeSequence = Sequence([code])


def _describe_pixels(dataset: Dataset, stored: NDArray[np.uint8 | np.uint16], grey: GreyScale) -> None:
    """PS3.3, C.7.6.3.1."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if grey.inverted else "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 8 if grey.bits == 8 else 16
    dataset.BitsStored = grey.bits
    dataset.HighBit = grey.bits - 1
    dataset.PixelRepresentation = 0


def _describe_grey_scale(dataset: Dataset, grey: GreyScale, digital: bool, rng: Generator) -> None:
    """PS3.3, C.11.1 (modality), C.11.2 (VOI) and, for DX, C.8.11.3.1."""
    if digital:
        dataset.PixelIntensityRelationship = "LOG"
        dataset.PixelIntensityRelationshipSign = -1 if grey.inverted else 1
        dataset.PresentationIntentType = "FOR PRESENTATION"
    if digital or rng.random() < 0.4:
        # INVERSE is how a MONOCHROME1 image says that its smallest value is to be shown white: C.8.11.3.1.2.
        dataset.PresentationLUTShape = "INVERSE" if grey.inverted else "IDENTITY"
    if grey.slope is not None and grey.intercept is not None:
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{grey.slope:g}", f"{grey.intercept:g}"
        dataset.RescaleType = str(rng.choice(["US", "LOG_E REL", "P-VALUES"]))
    if grey.voi == "LUT":
        dataset.VOILUTSequence = Sequence([_voi_lut(grey, str(rng.choice(["NK5", "SOFTER", "E25"])))])
    elif grey.voi != "NONE":
        _describe_window(dataset, grey, rng)


def _describe_window(dataset: Dataset, grey: GreyScale, rng: Generator) -> None:
    """C.11.2.1.2; the first of several windows is the one to show first."""
    center, width = f"{grey.center:.10g}", f"{grey.width:.10g}"
    several = rng.random() < 0.2
    dataset.WindowCenter = [center, f"{grey.center * 1.1:.6g}"] if several else center
    dataset.WindowWidth = [width, f"{grey.width * 0.6:.6g}"] if several else width
    if several:
        dataset.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]
    if grey.voi != "LINEAR" or rng.random() < 0.3:
        dataset.VOILUTFunction = grey.voi


def _voi_lut(grey: GreyScale, explanation: str) -> Dataset:
    """C.11.2.1.1: number of entries, first value mapped, bits of an entry; then the entries, in words."""
    item, table = Dataset(), grey.lut()
    item.add(DataElement(0x00283002, "US", [len(table), grey.low, grey.lut_bits]))
    item.LUTExplanation = explanation
    item.add(DataElement(0x00283006, "OW", table.astype("<u2").tobytes()))
    return item
