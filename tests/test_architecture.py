"""The arrows of the house: which room may import which, and how big a module may grow."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUIET = {"query", "scoring", "encoders", "dicom", "phantom"}
WORDS = {"values", "errors"}
BELOW = {room: WORDS for room in QUIET} | {"values": set(), "errors": set(), "assets": set()}
BELOW["archive"] = WORDS | {"scoring"}
BELOW["manifests"] = WORDS | {"query"}
BELOW["labelling"] = WORDS | {"query", "manifests"}
BELOW["labels"] = WORDS | {"query", "archive"}
BELOW["chances"] = WORDS | {"query", "scoring", "archive"}
BELOW["compiling"] = WORDS | {"query", "scoring", "archive"}
BELOW["adaptation"] = WORDS | {"encoders", "scoring"}
BELOW["promises"] = BELOW["chances"] | {"labels", "chances"}
BELOW["hits"] = WORDS | {"scoring", "archive"}
BELOW["ingest"] = BELOW["search"] = QUIET | WORDS | {"archive", "manifests"}
BELOW["search"] = BELOW["search"] | {"compiling", "labels", "chances", "promises", "hits"}
BELOW["search"] |= {"adaptation"}
BELOW["embedding"] = WORDS | {"encoders", "archive", "search"}
BELOW["calibration"] = BELOW["search"] | {"search"}
BELOW["evaluation"] = BELOW["calibration"] | {"calibration", "ingest"}
BELOW["evaluation"] |= {"labelling"}
BELOW["diagnostics"] = BELOW["evaluation"] | {"evaluation"}
BELOW["doctor"] = BELOW["diagnostics"] | {"diagnostics"}
BELOW["terminal"] = BELOW["cli"] = BELOW["doctor"] | {"doctor", "terminal", "embedding"}
HOMES = {
    "transformers": {"medneg/encoders", "medneg/query/language_model", "finetune"},
    "xgrammar": {"medneg/query/language_model"},
    "open_clip": {"medneg/encoders", "finetune"},
    "pydicom": {"medneg/dicom", "medneg/phantom"},
    "monai": {"medneg/dicom"},
    "sqlalchemy": {"medneg/archive"},
    "psycopg": {"medneg/archive"},
    "alembic": {"medneg/archive"},
    "faiss": {"medneg/archive"},
    "qdrant_client": {"medneg/archive"},
    "streamlit": {"app"},
    "ray": {"medneg/ingest"},
    "starlette": {"app"},
    "uvicorn": {"app"},
    "prometheus_client": {"app"},
    "pydantic": {"app"},
}
SOURCES = sorted(p for top in ("medneg", "finetune", "app") for p in (ROOT / top).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every dotted name that a module imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_arrows_between_rooms_run_one_way():
    wrong = []
    for path in SOURCES:
        room = (
            path.relative_to(ROOT).with_suffix("").parts[1] if path.is_relative_to(ROOT / "medneg") else None
        )
        for name in imports(path):
            top, _, rest = name.partition(".")
            target = rest.split(".")[0]
            if top == "medneg" and room and target in BELOW and target not in BELOW.get(room, set()) | {room}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
            if room and top in {"finetune", "app"}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_libraries_stay_in_their_rooms():
    wrong = []
    for path in SOURCES:
        place = path.relative_to(ROOT).as_posix()
        for top in {name.partition(".")[0] for name in imports(path)} & HOMES.keys():
            if not any(place.startswith(home + "/") for home in HOMES[top]):
                wrong.append(f"{place} imports {top}")
    assert not wrong


def test_modules_stay_under_400_lines_and_say_what_they_hold():
    long = [p for p in SOURCES if len(p.read_text(encoding="utf-8").splitlines()) > 400]
    grab_bags = [p for p in SOURCES if p.stem in {"utils", "helpers", "common", "misc"}]
    assert not long
    assert not grab_bags
