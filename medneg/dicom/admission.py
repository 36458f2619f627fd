"""Which DICOM files are chest radiographs, and why the others are not."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import UID

from medneg.dicom.content import require_sane_size
from medneg.dicom.elements import integer, items, text
from medneg.dicom.impersonal import impersonal
from medneg.errors import UnreadableImage

PROJECTION_MODALITIES = ("CR", "DX", "RG")
"""PS3.3 C.7.3.1.1.1: computed, digital and film radiography."""

_RADIOGRAPHY = {
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography Image Storage
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray Image Storage - For Presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray Image Storage - For Processing
}
SECONDARY_CAPTURE = {
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.7.2",  # multi-frame grey-scale, 8 bits
    "1.2.840.10008.5.1.4.1.1.7.3",  # multi-frame grey-scale, more than 8 bits
}
"""SOP classes of pictures that a converter made (PS3.3 A.8)."""

_DIRECTORY = "1.2.840.10008.1.3.10"
_CHEST_WORDS = ("CHEST", "THORA", "TORAX", "TORACE", "LUNG", "PULMO", "POUMON", "RIB")
_UNSAID = ("", "UNKNOWN", "OTHER", "NONE", "NA", "N/A", "UNDEFINED", "UNSPECIFIED")

_MODALITY_NAMES = {
    "CT": "a CT image",
    "MR": "an MR image",
    "US": "an ultrasound image",
    "NM": "a nuclear medicine image",
    "PT": "a PET image",
    "MG": "a mammogram",
    "XA": "an angiogram",
    "RF": "a fluoroscopy",
    "SR": "a structured report",
    "PR": "a presentation state",
    "KO": "a list of selected images",
    "DOC": "a document",
    "ECG": "an electrocardiogram",
    "RTDOSE": "a radiotherapy dose",
    "RTPLAN": "a radiotherapy plan",
    "RTSTRUCT": "a set of radiotherapy structures",
    "IO": "a dental radiograph",
    "PX": "a panoramic dental radiograph",
}


def admit(dataset: Dataset) -> None:
    """Refuse what is no grey-scale chest radiograph of one frame.

    Args:
        dataset: a header, without pixels.

    Raises:
        UnreadableImage: with the reason.
    """
    _require_projection(dataset)
    _require_chest(dataset)
    _require_one_grey_picture(dataset)


def _require_projection(dataset: Dataset) -> None:
    sop_class = text(dataset, "SOPClassUID")
    modality = text(dataset, "Modality").upper()
    if (
        text(dataset.file_meta, "MediaStorageSOPClassUID") == _DIRECTORY
        or "DirectoryRecordSequence" in dataset
    ):
        raise UnreadableImage("it is a DICOMDIR, the table of contents of a disc")
    if not (sop_class or modality or "Rows" in dataset):
        raise UnreadableImage("it is neither DICOM nor PNG nor JPEG")
    if sop_class in _RADIOGRAPHY and modality in (*PROJECTION_MODALITIES, ""):
        return
    if modality in _MODALITY_NAMES:
        raise UnreadableImage(f"it is {_MODALITY_NAMES[modality]}, not a chest radiograph")
    if sop_class and sop_class not in _RADIOGRAPHY | SECONDARY_CAPTURE:
        raise UnreadableImage(f"it is no radiograph but {_class_name(sop_class)}")
    if modality in PROJECTION_MODALITIES or _says_chest(dataset):
        return
    if not (sop_class in SECONDARY_CAPTURE and not modality):
        raise UnreadableImage(
            f"nothing in it says that it is a chest radiograph (modality {_modality(dataset)})"
        )


def _require_chest(dataset: Dataset) -> None:
    part = _body_part(dataset)
    if part not in _UNSAID and not _is_chest(part):
        named = _impersonal_body_part(dataset)
        raise UnreadableImage(f"it shows another part of the body{': ' if named else ''}{named[:32]}")


def _require_one_grey_picture(dataset: Dataset) -> None:
    # Rows are part of the Image Pixel module: an object without them is no picture at all.
    if not any(keyword in dataset for keyword in ("Rows", "Columns", "PhotometricInterpretation")):
        raise UnreadableImage("it holds no picture")
    photometric = text(dataset, "PhotometricInterpretation").upper()
    samples = integer(dataset, "SamplesPerPixel") or 1
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        kind = impersonal(dataset, "PhotometricInterpretation").upper() or "of an unnamed kind"
        raise UnreadableImage(f"its picture is not grey-scale but {kind}")
    if samples != 1:
        raise UnreadableImage(f"its picture has {samples} values per pixel; a grey-scale one has one")
    _require_one_frame(dataset)
    require_sane_size(integer(dataset, "Rows"), integer(dataset, "Columns"))


def _require_one_frame(dataset: Dataset) -> None:
    if text(dataset, "NumberOfFrames") in ("", "0", "1"):
        return
    frames = integer(dataset, "NumberOfFrames")
    if frames is None or frames < 0:
        raise UnreadableImage("it does not say how many frames it holds; a radiograph has one")
    if frames > 1:
        raise UnreadableImage(f"it holds {frames} frames; a radiograph has one")


def _modality(dataset: Dataset) -> str:
    """The modality, for a message."""
    if not text(dataset, "Modality"):
        return "absent"
    return impersonal(dataset, "Modality").upper() or "unknown"


def _body_part(dataset: Dataset) -> str:
    named = text(dataset, "BodyPartExamined").upper()
    return named if named not in _UNSAID else text(_region(dataset), "CodeMeaning").upper()


def _impersonal_body_part(dataset: Dataset) -> str:
    """The same for a message: "" when it may be personal."""
    if text(dataset, "BodyPartExamined").upper() not in _UNSAID:
        return impersonal(dataset, "BodyPartExamined").upper()
    return impersonal(dataset, "CodeMeaning", within=_region(dataset)).upper()


def _region(dataset: Dataset) -> Dataset:
    regions = items(dataset, "AnatomicRegionSequence")
    return regions[0] if regions else Dataset()


def _says_chest(dataset: Dataset) -> bool:
    return _is_chest(_body_part(dataset))


def _is_chest(part: str) -> bool:
    return any(word in part for word in _CHEST_WORDS)


def _class_name(sop_class: str) -> str:
    name = UID(sop_class).name
    return f"“{name}”" if name != sop_class else "an object of an unknown class"
