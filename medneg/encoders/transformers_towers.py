"""Dual encoders in transformers' format: CLIPModel and SiglipModel."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor
from transformers.utils import logging as transformers_logging

from medneg.encoders.checkpoint import Checkpoint
from medneg.encoders.dual import Towers
from medneg.encoders.insides import AttentionLayer, Places
from medneg.errors import EncoderError

MODELS = {"clip": transformers.CLIPModel, "siglip": transformers.SiglipModel}
IMAGE_PREFIXES = ("vision_model.", "visual_projection.")
TEXT_PREFIXES = ("text_model.", "text_projection.")
ARCHITECTURE = ("model_type", "hidden_act", "num_attention_heads", "layer_norm_eps", "patch_size")
"""What of a tower's configuration changes its output but not the shape of its tensors."""


def load_towers(checkpoint: Checkpoint) -> Towers:
    """Build both towers from a checkpoint with weights; float32, on the CPU.

    Raises:
        EncoderError: if the weights or the tokenizer do not fit the configuration.
    """
    model = _load_model(checkpoint)
    tokenizer = _load_tokenizer(checkpoint)
    context = int(model.config.text_config.max_position_embeddings)
    size = checkpoint.preprocessing.input.size
    # A checkpoint fed with larger pictures than it was first trained on keeps its smaller grid of positions.
    interpolate = size != model.config.vision_config.image_size

    def tokenize(texts: list[str]) -> Tensor:
        # Padded to the whole context: SigLIP was trained so, and in CLIP what follows the end token is
        # never attended to, so that neither needs an attention mask.
        tokens = tokenizer(
            texts, padding="max_length", truncation=True, max_length=context, return_tensors="pt"
        )
        return tokens["input_ids"]  # type: ignore[no-any-return]

    def encode_pixels(pixels: Tensor) -> Tensor:
        output = model.get_image_features(pixel_values=pixels, interpolate_pos_encoding=interpolate)
        return output.pooler_output  # type: ignore[no-any-return]

    def encode_tokens(tokens: Tensor) -> Tensor:
        return model.get_text_features(input_ids=tokens).pooler_output  # type: ignore[no-any-return]

    state = model.state_dict()
    return Towers(
        module=model,
        encode_pixels=encode_pixels,
        encode_tokens=encode_tokens,
        tokenize=tokenize,
        vocabulary=tokenizer.get_vocab(),
        image_state=_part(state, IMAGE_PREFIXES),
        text_state=_part(state, TEXT_PREFIXES),
        image_architecture=_architecture(model.config.vision_config),
        text_architecture=_architecture(model.config.text_config),
        preprocessing=checkpoint.preprocessing,
        width=checkpoint.width,
        cuts_padding=checkpoint.config["model_type"] == "clip",
        token_embedding=model.text_model.embeddings.token_embedding,
        unknown=tokenizer.unk_token_id,
        attention=tuple(
            AttentionLayer(module=layer.self_attn.out_proj, heads=layer.self_attn.num_heads)
            for layer in model.text_model.encoder.layers
        ),
        # CLIP's class token stands before the patches; SigLIP pools its patches by attention.
        places=Places(
            module=model.vision_model.encoder.layers[-1],
            extra=1 if checkpoint.config["model_type"] == "clip" else 0,
        ),
    )


def _load_model(checkpoint: Checkpoint) -> Any:
    kind = checkpoint.config["model_type"]
    try:
        with _no_progress_bar():
            model, notes = MODELS[kind].from_pretrained(
                checkpoint.folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, SafetensorError, pickle.UnpicklingError) as err:
        raise EncoderError(f"the {kind} model in {checkpoint.folder} cannot be loaded: {err}") from err
    # transformers fills what the file lacks with random numbers and only warns.
    missing = sorted(notes["missing_keys"])
    if missing:
        raise EncoderError(
            f"the weights in {checkpoint.folder} lack {len(missing)} tensors of its {kind} model, "
            f"{missing[0]!r} first; the download is incomplete or the folder mixes two models"
        )
    return model.eval()


def _load_tokenizer(checkpoint: Checkpoint) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    except (OSError, ValueError, ImportError) as err:
        raise EncoderError(f"the tokenizer in {checkpoint.folder} cannot be loaded: {err}") from err


def _part(state: Mapping[str, Tensor], prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if name.startswith(prefixes)}


def _architecture(config: Any) -> dict[str, object]:
    return {name: getattr(config, name) for name in ARCHITECTURE if hasattr(config, name)}


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    was_on = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            transformers_logging.enable_progress_bar()
