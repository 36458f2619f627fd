"""Tiny DICOM files with exact pixel values, written by the tests that read them."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def new_dataset(pixels: np.ndarray, **elements: object) -> FileDataset:
    """A digital chest radiograph of ``pixels``; ``elements`` replace or, when None, remove what it has."""
    syntax = elements.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = DX
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset = FileDataset(
        None,
        {},
        file_meta=meta,
        preamble=b"\0" * 128,
        is_implicit_VR=UID(syntax).is_implicit_VR,
        is_little_endian=UID(syntax).is_little_endian,
    )
    bits = pixels.dtype.itemsize * 8
    standard = {
        "SOPClassUID": DX,
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3",
        "PatientID": "P1",
        "Modality": "DX",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": elements.get("BitsStored", bits) - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in (standard | elements).items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset


def lut_item(descriptor: list[int], data: bytes, *, first_vr: str = "US") -> Dataset:
    """An item of a Modality or VOI LUT Sequence; ``data`` is its LUTData, little-endian."""
    item = Dataset()
    item.add_new("LUTDescriptor", first_vr, descriptor)
    item.add_new("LUTData", "OW", data)
    return item


@pytest.fixture
def write(tmp_path):
    """Write a dataset or pixels with elements; returns the path."""
    names = (f"{number}.dcm" for number in itertools.count())

    def _write(pixels: np.ndarray | FileDataset, **elements: object) -> Path:
        path = tmp_path / next(names)
        # Tests write what the standard forbids.
        with warnings.catch_warnings(), pydicom.config.disable_value_validation():
            warnings.simplefilter("ignore")
            dataset = pixels if isinstance(pixels, FileDataset) else new_dataset(pixels, **elements)
            dataset.save_as(path, enforce_file_format=True)
        return path

    return _write


@pytest.fixture
def dataset():
    """``new_dataset``, for tests that change it before it is written."""
    return new_dataset


@pytest.fixture
def lut():
    """``lut_item``."""
    return lut_item
