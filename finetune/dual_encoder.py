"""The phantom model: a small open_clip dual encoder, and heads that help it to learn and are then dropped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from open_clip.model import CustomTextCLIP
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from finetune.wordpieces import CONTEXT, END, SPECIAL, save_tokenizer
from medneg.phantom.truth import FINDINGS

MEAN, STD = 0.45, 0.28
"""Grey level of phantoms, before the image tower."""

TEMPLATE = "chest x-ray showing {}"
RARELY = -4.0
"""Log odds, at the start, that a cell shows a finding."""

READ_TOGETHER = 22
"""Texts of about the same length that are read in one go."""

NOTICE = (
    "Trained on drawn phantoms only: for trying medneg out and for its tests; unfit for patients' images "
    "and for any clinical use."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of the model: picture edge in pixels, blocks and width of the image tower, the text tower's."""

    size: int = 192
    image_layers: tuple[int, int, int, int] = (1, 2, 2, 1)
    image_width: int = 16
    text_layers: int = 4
    text_width: int = 256
    embedding: int = 256


class Learner(nn.Module):
    """The dual encoder with its helping heads.

    ``cells`` and ``fine_cells`` say per cell of the last and the last but one stage which findings it shows;
    ``findings`` says it of the whole picture, from the features before they are normalised, and ``sides``
    on which side of the patient each finding is: left, then right.
    """

    def __init__(self, shape: Shape, pieces: int) -> None:
        super().__init__()
        self.clip = CustomTextCLIP(**architecture(shape, pieces))
        stage = shape.image_width * 16
        self.fine_cells = nn.Conv2d(stage, len(FINDINGS), 1)
        self.cells = nn.Conv2d(stage * 2, len(FINDINGS), 1)
        width = shape.embedding
        self.findings = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(FINDINGS)))
        self.sides = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * len(FINDINGS)))
        for head in (self.fine_cells, self.cells):
            assert head.bias is not None
            nn.init.constant_(head.bias, RARELY)

    def stages(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The image tower's last stage and the one before it, of pictures (n, 1, size, size) in [0, 1]."""
        visual = self.clip.visual
        grey = ((pixels - MEAN) / STD).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        fine: Tensor = visual.layer3(visual.layer2(visual.layer1(visual.stem(grey))))
        return visual.layer4(fine), fine

    def pool(self, last: Tensor) -> Tensor:
        """Features (n, d) of the last stage, not normalised."""
        with sdpa_kernel(SDPBackend.MATH):
            features: Tensor = self.clip.visual.attnpool(last)
        return features

    def read(self, ids: Tensor) -> Tensor:
        """Features of texts, (t, d), not normalised; short texts are read apart from long ones, for speed."""
        lengths = (ids != 0).sum(1)
        order = torch.argsort(lengths)
        read = [
            self._read(ids[rows, : int(lengths[rows].max())]) for rows in torch.split(order, READ_TOGETHER)
        ]
        return torch.cat(read)[torch.argsort(order)]

    def _read(self, ids: Tensor) -> Tensor:
        """Run the text tower over ids cut to their longest text; what follows the end is never looked at."""
        text = self.clip.text
        whole = text.attn_mask
        text.attn_mask = whole[: ids.shape[1], : ids.shape[1]]
        try:
            with sdpa_kernel(SDPBackend.MATH):
                features: Tensor = text(ids)
        finally:
            text.attn_mask = whole
        return features

    @torch.inference_mode()
    def embed_texts(self, ids: Tensor) -> Tensor:
        """Unit rows (t, d)."""
        return normalize(self.read(ids).float(), dim=1)


def architecture(shape: Shape, pieces: int) -> dict[str, Any]:
    """open_clip's ``model_cfg``."""
    return {
        "embed_dim": shape.embedding,
        "vision_cfg": {
            "image_size": shape.size,
            "layers": list(shape.image_layers),
            "width": shape.image_width,
            "head_width": 64,
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": pieces,
            "hf_tokenizer_name": "tokenizer.json",
            "width": shape.text_width,
            "heads": shape.text_width // 64,
            "layers": shape.text_layers,
            "pool_type": "eos",
            "eos_id": SPECIAL.index(END),
        },
    }


def export(learner: Learner, tokenizer: Tokenizer, shape: Shape, folder: Path) -> None:
    """Write open_clip's own format, float16, with the card that medneg reads."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = tokenizer.get_vocab_size()
    preprocess = {
        "size": [shape.size, shape.size],
        "mode": "RGB",
        "mean": [MEAN] * 3,
        "std": [STD] * 3,
        "interpolation": "bicubic",
        "resize_mode": "longest",
        "fill_color": 0,
    }
    config = {"model_cfg": {**architecture(shape, pieces), "custom_text": True}, "preprocess_cfg": preprocess}
    card = {"licence": "Apache-2.0", "notice": NOTICE, "template": TEMPLATE, "findings": list(FINDINGS)}
    for name, content in (("open_clip_config.json", config), ("card.json", card)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    weights = {name: half(value) for name, value in learner.clip.state_dict().items()}
    file = folder / "open_clip_model.safetensors"
    save_file(weights, str(file))
    file.chmod(0o644)  # safetensors writes for the owner only
    save_tokenizer(tokenizer, folder)


def half(value: Tensor) -> Tensor:
    """float16 of a weight; counters stay as they are."""
    return value.detach().to(torch.float16).contiguous() if value.is_floating_point() else value.contiguous()
