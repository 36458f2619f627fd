"""A folder of phantom studies: DICOM files, ``labels.csv`` with the exact truth, ``reports.csv``."""

from __future__ import annotations

import csv
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from medneg.errors import MednegError
from medneg.phantom.report import write_report
from medneg.phantom.sampling import Company, Study, sample_studies
from medneg.phantom.truth import FINDINGS

LABEL_COLUMNS = (
    "file",
    *FINDINGS,
    *("patient", "study", "view", "sex", "age", "study_date"),
    *(f"{finding}_{what}" for finding in FINDINGS for what in ("side", "size")),
)
"""Columns of ``labels.csv``, one row an image."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What one call has written."""

    images: int
    studies: int
    patients: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One study and where its files go, relative to the folder; ``previous`` is the visit before."""

    study: Study
    previous: Study | None
    files: tuple[str, ...]


def write(
    out: Path,
    *,
    studies: int,
    seed: int,
    company: Company = "clinical",
    rows: int = 512,
    workers: int = 1,
    progress: Progress | None = None,
) -> Written:
    """Draw studies into a folder: ``dicom/``, ``labels.csv``, ``reports.csv``.

    The same ``studies``, ``seed``, ``company`` and ``rows`` give the same bytes, whatever the workers. The
    tables are written last; a run that was broken off is simply run again.

    Args:
        out: made if it does not exist.
        studies: how many; a patient in five has several.
        rows: height of the pictures in pixels; their widths vary.
        workers: processes that draw; 0 draws in this one.
        progress: called with (images done, all images).

    Raises:
        MednegError: if ``out/dicom`` holds files that this run would not write.
        ValueError: if ``seed``, ``studies`` or ``company`` is outside what it may be.
    """
    started = time.monotonic()
    jobs = list(_plan(sample_studies(seed, studies, company=company, rows=rows)))
    _refuse_strangers(out, jobs)
    for folder in sorted({Path(file).parent for job in jobs for file in job.files}):
        (out / folder).mkdir(parents=True, exist_ok=True)
    _draw_all(out, jobs, workers, progress)
    _write_table(out / "labels.csv", LABEL_COLUMNS, (row for job in jobs for row in _label_rows(job)))
    reports = ((job.study.study, write_report(job.study, job.previous)) for job in jobs)
    _write_table(out / "reports.csv", ("study", "report"), reports)
    return Written(
        images=sum(len(job.files) for job in jobs),
        studies=len(jobs),
        patients=len({job.study.patient for job in jobs}),
        seconds=time.monotonic() - started,
    )


def _plan(studies: Iterable[Study]) -> Iterator[_Job]:
    """Number patients and visits from 1 for the file names, which name nobody."""
    previous: Study | None = None
    patient = visit = 0
    for study in studies:
        if previous is None or previous.patient != study.patient:
            previous, patient, visit = None, patient + 1, 0
        visit += 1
        folder = f"dicom/p{patient:05d}"
        files = tuple(f"{folder}/s{visit}-i{i}.dcm" for i in range(1, len(study.pictures) + 1))
        yield _Job(study=study, previous=previous, files=files)
        previous = study


def _refuse_strangers(out: Path, jobs: Sequence[_Job]) -> None:
    """Files of another run among these would have no labels; deleting them is not ours to do."""
    ours = {out / file for job in jobs for file in job.files}
    strangers = sorted(path for path in (out / "dicom").rglob("*.dcm") if path not in ours)
    if strangers:
        raise MednegError(
            f"{out / 'dicom'} holds {len(strangers)} files that this run would not write, "
            f"{strangers[0].relative_to(out)} among them; choose an empty folder or remove them"
        )


def _draw_all(out: Path, jobs: Sequence[_Job], workers: int, progress: Progress | None) -> None:
    total, done = sum(len(job.files) for job in jobs), 0
    for drawn in _drawn(out, jobs, workers):
        done += drawn
        if progress is not None:
            progress(done, total)


def _drawn(out: Path, jobs: Sequence[_Job], workers: int) -> Iterator[int]:
    """Draw every job, here or in processes; yield the number of images as each is finished."""
    if workers < 1:
        yield from (_draw_study(out, job) for job in jobs)
        return
    # Spawned, not forked: the caller may hold threads (PyTorch's, a progress bar's).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for finished in as_completed([pool.submit(_draw_study, out, job) for job in jobs]):
                yield finished.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _draw_study(out: Path, job: _Job) -> int:
    from medneg.phantom.files import write_file

    for number, file in enumerate(job.files):
        write_file(out / file, job.study, number)
    return len(job.files)


def _label_rows(job: _Job) -> Iterator[list[str | int]]:
    study = job.study
    for file, picture in zip(job.files, study.pictures, strict=True):
        truths = [picture.find(finding) for finding in FINDINGS]
        yield [
            file,
            *(int(truth is not None) for truth in truths),
            study.patient,
            study.study,
            picture.technique.view,
            study.person.sex,
            study.person.age,
            study.date,
            *(word or "" for truth in truths for word in ((truth.side, truth.size) if truth else ("", ""))),
        ]


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    os.replace(part, path)
