"""A folder that holds a dual encoder: its format, preprocessing and papers, read from JSON alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from medneg.errors import EncoderError
from medneg.values import InputSpec

Format = Literal["open_clip", "transformers"]
Interpolation = Literal["bilinear", "bicubic", "area"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""The statistics of CLIP's training pictures (Radford et al. 2021, released code), open_clip's default."""

PILLOW_FILTERS: dict[int, Interpolation] = {2: "bilinear", 3: "bicubic"}
"""``resample`` of a transformers preprocessor is Pillow's number of a filter."""

WEIGHTS: dict[Format, tuple[str, ...]] = {
    "open_clip": (
        "open_clip_model.safetensors",
        "open_clip_pytorch_model.safetensors",
        "open_clip_pytorch_model.bin",
    ),
    "transformers": (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ),
}
"""The files that may hold the weights, best first. All are read as tensors, never as pickled objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What happens to a picture before the image tower: the input, then (x − mean) / std per channel."""

    input: InputSpec
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What must be said of a model wherever it answers; see ``medneg.values.EncoderCard``."""

    licence: str
    notice: str
    template: str = "{}"
    findings: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A dual encoder in a folder, described but not loaded.

    Attributes:
        weights: the file that holds the tensors, or the index of several; None when there is none.
        config: the parsed model configuration (open_clip's ``model_cfg``, or transformers' ``config.json``).
        width: d, the length of the embeddings.
    """

    folder: Path
    format: Format
    weights: Path | None
    config: dict[str, Any]
    preprocessing: Preprocessing
    width: int


def read_checkpoint(folder: Path) -> Checkpoint:
    """Recognise the dual encoder in a folder.

    Raises:
        EncoderError: if the folder holds neither an open_clip nor a transformers CLIP or SigLIP model.
    """
    if (folder / "open_clip_config.json").is_file():
        return _open_clip_checkpoint(folder)
    if (folder / "config.json").is_file():
        return _transformers_checkpoint(folder)
    what = "has neither open_clip_config.json nor config.json" if folder.is_dir() else "does not exist"
    raise EncoderError(
        f"{folder} {what}; give a folder with an open_clip model (open_clip_config.json and "
        f"open_clip_model.safetensors) or a transformers one (config.json and model.safetensors)"
    )


def read_papers(folder: Path, otherwise: Papers) -> Papers:
    """Take licence, notice, template and findings from the folder's ``card.json``, else from its README.

    ``card.json`` is what medneg's own training writes. A README that came from a model hub begins with
    a block that may have a ``license:`` line.
    """
    if (folder / "card.json").is_file():
        card = _read_json(folder / "card.json")
        findings = card.get("findings")
        return Papers(
            licence=str(card.get("licence", otherwise.licence)),
            notice=str(card.get("notice", otherwise.notice)),
            template=str(card.get("template", otherwise.template)),
            findings=None if findings is None else tuple(str(finding) for finding in findings),
        )
    licence = _licence_in_readme(folder / "README.md") or otherwise.licence
    return Papers(licence=licence, notice=otherwise.notice, template=otherwise.template)


def preprocessing_of(config: dict[str, Any], size: int) -> Preprocessing:
    """Read open_clip's ``preprocess_cfg``; what it leaves out has open_clip's defaults."""
    return Preprocessing(
        input=InputSpec(size=size, interpolation=_interpolation(config.get("interpolation", "bicubic"))),
        mean=_three(config.get("mean", CLIP_MEAN)),
        std=_three(config.get("std", CLIP_STD)),
    )


def square(size: Any, where: str) -> int:
    """Read a picture size given as a number, a pair or a mapping.

    Raises:
        EncoderError: if it is not square.
    """
    if isinstance(size, dict):
        sides = [size["shortest_edge"]] if "shortest_edge" in size else [size["height"], size["width"]]
    else:
        sides = list(size) if isinstance(size, list | tuple) else [size]
    if len(set(sides)) != 1:
        raise EncoderError(f"{where} asks for pictures of {size}; medneg feeds square pictures only")
    return int(sides[0])


def _open_clip_checkpoint(folder: Path) -> Checkpoint:
    path = folder / "open_clip_config.json"
    whole = _read_json(path)
    config = whole.get("model_cfg")
    if not isinstance(config, dict):
        raise EncoderError(f"{path} has no 'model_cfg'; it is not open_clip's format")
    size = square(config.get("vision_cfg", {}).get("image_size", 224), str(path))
    return Checkpoint(
        folder=folder,
        format="open_clip",
        weights=_weights(folder, "open_clip"),
        config=config,
        preprocessing=preprocessing_of(whole.get("preprocess_cfg", {}), size),
        width=int(config["embed_dim"]),
    )


def _transformers_checkpoint(folder: Path) -> Checkpoint:
    config = _read_json(folder / "config.json")
    kind = config.get("model_type")
    if kind == "clip":
        width = config.get("projection_dim", 512)
    elif kind == "siglip":
        width = config.get("vision_config", {}).get("hidden_size", 768)
    else:
        raise EncoderError(
            f"{folder / 'config.json'} has model_type {kind!r}; medneg reads 'clip' and 'siglip', "
            f"and open_clip models (open_clip_config.json)"
        )
    return Checkpoint(
        folder=folder,
        format="transformers",
        weights=_weights(folder, "transformers"),
        config=config,
        preprocessing=_transformers_preprocessing(folder),
        width=int(width),
    )


def _transformers_preprocessing(folder: Path) -> Preprocessing:
    # Sizes in repository names mislead (a "siglip-384" eats 512 pixels): the checkpoint's own file decides.
    path = folder / "preprocessor_config.json"
    if path.is_file():
        config = _read_json(path)
    else:
        path = folder / "processor_config.json"
        config = _read_json(path).get("image_processor", {}) if path.is_file() else {}
    if not config:
        raise EncoderError(f"{folder} has no preprocessor_config.json, so its input size is unknown; add it")
    size = config["crop_size"] if config.get("do_center_crop") else config["size"]
    return Preprocessing(
        input=InputSpec(
            size=square(size, str(path)),
            interpolation=PILLOW_FILTERS.get(config.get("resample", 3), "bicubic"),
        ),
        mean=_three(config["image_mean"]),
        std=_three(config["image_std"]),
    )


def _weights(folder: Path, kind: Format) -> Path | None:
    return next((folder / name for name in WEIGHTS[kind] if (folder / name).is_file()), None)


def _interpolation(name: str) -> Interpolation:
    for known in get_args(Interpolation):
        if name == known:
            return known  # type: ignore[no-any-return]
    return "bicubic"


def _three(numbers: Any) -> tuple[float, float, float]:
    red, green, blue = (float(number) for number in numbers)
    return red, green, blue


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as err:
        raise EncoderError(f"{path} is not readable as JSON: {err}") from err
    if not isinstance(content, dict):
        raise EncoderError(f"{path} must hold one JSON object; it holds a {type(content).__name__}")
    return content


def _licence_in_readme(path: Path) -> str | None:
    if not path.is_file():
        return None
    head, *rest = path.read_text(encoding="utf-8", errors="replace").split("---", 2)
    if head.strip() or len(rest) < 2:
        return None
    for line in rest[0].splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "license" and value.strip():
            return value.strip()
    return None
