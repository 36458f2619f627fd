"""The header fields that are kept: an allow-list, so that what nobody thought of stays out.

None of them is personal under PS3.15 table E.1-1, which would remove or replace personal ones; free text
(descriptions, comments, protocol names) is left out although some of it would be harmless.
"""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import UID

from medneg.dicom.dataset import transfer_syntax
from medneg.dicom.elements import clean, text
from medneg.dicom.impersonal import impersonal, words_of_persons

KEPT = (
    "Modality",
    "ImageType",
    "ConversionType",
    "PresentationIntentType",
    "BodyPartExamined",
    "ViewPosition",
    "PatientOrientation",
    "PatientPosition",
    "Laterality",
    "ImageLaterality",
    "Manufacturer",
    "ManufacturerModelName",
    "KVP",
    "Exposure",
    "ExposureTime",
    "XRayTubeCurrent",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "Grid",
    "Sensitivity",
    "ExposureIndex",
    "TargetExposureIndex",
    "DeviationIndex",
    "ImagerPixelSpacing",
    "PixelSpacing",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PhotometricInterpretation",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "PresentationLUTShape",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "BurnedInAnnotation",
    "SpecificCharacterSet",
)
"""DICOM keywords, in the order in which they are shown."""


def kept_header(dataset: Dataset) -> dict[str, str]:
    """The kept fields that the file has and that are not personal by mistake, as cleaned text.

    Returns:
        Keyword to text; also "SOPClass" and "TransferSyntax" by their names in PS3.6.
    """
    fields = {
        "SOPClass": _name(text(dataset, "SOPClassUID")),
        "TransferSyntax": _name(transfer_syntax(dataset)),
    }
    persons = words_of_persons(dataset)
    fields |= {keyword: impersonal(dataset, keyword, persons=persons) for keyword in KEPT}
    return {keyword: clean(found) for keyword, found in fields.items() if found}


def _name(uid: str) -> str:
    name = UID(uid).name if uid else ""
    return "" if name == uid else name
