"""Use-case: files → archive. It joins dicom, encoders, manifests, report reading and the archive."""

from medneg.ingest.files import find_files
from medneg.ingest.running import ingest
from medneg.ingest.summary import IngestReport, Rejection

__all__ = ["IngestReport", "Rejection", "find_files", "ingest"]
