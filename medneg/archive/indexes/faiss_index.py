"""FAISS's HNSW graph over float16 rows: an approximate index on this machine, beyond what a scan suits.

A search of such a graph (Malkov and Yashunin 2018, arXiv 1603.09320) looks at some thousand rows, however
many there are. The file holds the graph, the rows and their images' ids; it is mapped, so that opening it
reads next to nothing.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from medneg.archive import reading
from medneg.archive.engines import transaction
from medneg.archive.indexes import faiss_files as files
from medneg.archive.indexes.kinds import Index, IndexKind, IndexState, Progress, Source
from medneg.errors import ArchiveError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medneg.archive.indexes.probing import Probe
    from medneg.archive.matrix import ScanMatrix
    from medneg.archive.store import Archive

NAME = "faiss"
NEIGHBOURS = 32
BREADTH_BUILT = 100
BREADTH = 400
"""Links of a row in every layer, and how many rows a search keeps in view, when the graph is built and later:
M, efConstruction and the least efSearch of the paper. Of 60,000 × 512, searches that keep 400 in view find
all of the best ten; 200 while it is built would find no more, in nearly twice the time."""

_MOST_DEAD = 0.2  # of the rows: with more of them, the graph is built anew
_BLOCK = 4096
_SAVED_EVERY = 250_000

_lock = threading.Lock()
_graphs: WeakKeyDictionary[Archive, dict[str, tuple[str, Any]]] = WeakKeyDictionary()


def open_index(source: Source) -> Index:
    """The index of a space; its graph is mapped once for as long as the archive is open and does not change.

    Raises:
        ArchiveError: if FAISS is not installed, or the index is missing or stale.
    """
    from medneg.archive.indexes.candidates import CandidateIndex, Near

    faiss = files.library()
    stamp, count = _stamp(source)
    graph = _mapped(source, stamp)

    def nearest(probe: Probe, m: int) -> Near:
        parameters = faiss.SearchParametersHNSW(efSearch=max(m, BREADTH))
        products, ids = graph.search(probe.vector[None], m, params=parameters)
        found = ids[0] != files.NOBODY
        return Near.of(ids[0][found], products[0][found], probe=probe, asked=int(found.sum()))

    how = f"HNSW graph of FAISS over float16 rows, {BREADTH} in view"
    return CandidateIndex(source, nearest, count=count, how=how)


def _mapped(source: Source, stamp: str) -> Any:
    """The graph that was built from what the archive's stamp names."""
    with _lock:
        held = _graphs.setdefault(source.archive, {})
        known, graph = held.get(source.fingerprint, (None, None))
        if known == stamp:
            return graph
        lacking = _lacking(files.read_note(source.folder), stamp)
        graph = files.read(source.folder, mapped=True) if lacking is None else None
        if graph is None:
            what = lacking or "its file is damaged"
            raise ArchiveError(f"the index {NAME} cannot be used: {what}; {_advice()}")
        held[source.fingerprint] = stamp, graph
        return graph


def state(source: Source) -> IndexState:
    """Whether the index is there and as the archive is now."""
    try:
        files.library()
    except ArchiveError as error:
        return IndexState(name=NAME, ready=False, count=0, note=str(error))
    stamp, _ = _stamp(source)
    note = files.read_note(source.folder)
    lacking = _lacking(note, stamp)
    said = "approximate, on this machine" if lacking is None else f"{lacking}; {_advice()}"
    return IndexState(name=NAME, ready=lacking is None, count=note.rows if note else 0, note=said)


def build(source: Source, progress: Progress) -> None:
    """Build the index, or bring it up to date; stopped and run again, it goes on.

    Rows that came are added. Rows that went stay in the graph for searches to pass through, under the id of
    nobody, until they are too many.

    Raises:
        ArchiveError: if FAISS is not installed, or the archive holds no embedding of the space.
    """
    matrix = source.archive.matrix(source.fingerprint, progress)
    graph = _reusable(source, matrix) or _new(matrix.width)
    missing = np.flatnonzero(~np.isin(matrix.ids, files.ids_of(graph)))
    there = len(matrix) - len(missing)
    progress(there, len(matrix))
    whole = saved = graph.ntotal
    try:
        for start in range(0, len(missing), _BLOCK):
            rows = missing[start : start + _BLOCK]
            graph.add_with_ids(matrix.vectors[rows].astype(np.float32), matrix.ids[rows])
            whole = graph.ntotal
            progress(there + start + len(rows), len(matrix))
            if whole - saved >= _SAVED_EVERY:
                files.write(source.folder, graph, stamp=files.UNFINISHED)
                saved = whole
    except BaseException:
        if graph.index.ntotal == whole:  # else it was stopped within a block, and its last rows have no links
            files.write(source.folder, graph, stamp=files.UNFINISHED)
        raise
    files.write(source.folder, graph, stamp=matrix.stamp)


def drop(source: Source) -> None:
    """Take the file away."""
    files.remove(source.folder)
    with _lock:
        _graphs.pop(source.archive, None)


def _new(width: int) -> Any:
    faiss = files.library()
    rounded = faiss.ScalarQuantizer.QT_fp16
    graph = faiss.IndexHNSWSQ(width, rounded, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BREADTH_BUILT
    return faiss.IndexIDMap(graph)


def _reusable(source: Source, matrix: ScanMatrix) -> Any | None:
    """The graph on disk with what went since put to nobody; None where it is better built anew."""
    graph = files.read(source.folder, mapped=False)
    if graph is None or graph.d != matrix.width:
        return None
    ids = files.ids_of(graph)
    ids[~_held(graph, ids, matrix)] = files.NOBODY
    if (ids == files.NOBODY).mean() > _MOST_DEAD:
        return None
    files.rename(graph, ids)
    return graph


def _held(graph: Any, ids: NDArray[np.int64], matrix: ScanMatrix) -> NDArray[np.bool_]:
    """Which rows of a graph are still those of the matrix, bit for bit."""
    if not len(matrix):
        return np.zeros(len(ids), bool)
    rows = np.minimum(np.searchsorted(matrix.ids, ids), len(matrix) - 1)
    held: NDArray[np.bool_] = matrix.ids[rows] == ids
    for start in range(0, len(ids), _BLOCK):
        place = slice(start, start + _BLOCK)
        kept = graph.index.reconstruct_n(start, len(ids[place]))
        held[place] &= (kept == matrix.vectors[rows[place]].astype(np.float32)).all(axis=1)
    return held


def _stamp(source: Source) -> tuple[str, int]:
    with transaction(source.engine, source.place) as connection:
        return reading.stamp(connection, source.fingerprint)


def _lacking(note: files.Note | None, stamp: str) -> str | None:
    if note is None:
        return "it is not built"
    if note.stamp == files.UNFINISHED:
        return "its building was stopped"
    return None if note.stamp == stamp else "it is older than the archive's embeddings"


def _advice() -> str:
    return f"run `medneg index build {NAME} --archive ARCHIVE`"


FAISS = IndexKind(name=NAME, open=open_index, state=state, build=build, drop=drop)
