"""Where weights lie on this machine: inside the package and in the model hub's cache. Asks no network."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def embedded(name: str) -> Path:
    """Give the folder of a model inside this package; it may not exist."""
    return Path(str(files("medneg.assets"))) / name


def hub_cache() -> Path:
    """Give the folder in which the hub's client keeps repositories (``HF_HUB_CACHE``, ``HF_HOME``)."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def cached_repository(name: str) -> Path | None:
    """Find the main revision of a hub repository in the cache, as ``hf download NAME`` leaves it."""
    kept = hub_cache() / f"models--{name.replace('/', '--')}"
    reference = kept / "refs" / "main"
    if not reference.is_file():
        return None
    snapshot = kept / "snapshots" / reference.read_text(encoding="utf-8").strip()
    return snapshot if snapshot.is_dir() else None


def cached_file(repository: str, filename: str) -> Path | None:
    """Find one file of a hub repository in the cache."""
    folder = cached_repository(repository)
    if folder is None or not (folder / filename).is_file():
        return None
    return folder / filename
