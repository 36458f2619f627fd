"""Dual encoders of open_clip: a folder in its own format, or a pair of its names (model, weights)."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import open_clip
from open_clip.pretrained import get_pretrained_cfg
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from open_clip.transformer import TextTransformer
from safetensors import SafetensorError
from torch import Tensor

from medneg.encoders.checkpoint import Checkpoint, preprocessing_of, square
from medneg.encoders.dual import Towers
from medneg.encoders.open_clip_insides import image_places, text_attention, token_embedding
from medneg.encoders.places import cached_file, cached_repository
from medneg.errors import EncoderError, UnknownName, WeightsMissing

NEITHER_TOWER = ("visual.", "logit_scale", "logit_bias")
FAILURES = (OSError, ValueError, RuntimeError, TypeError, SafetensorError, pickle.UnpicklingError)
"""What open_clip and what it stands on raise when a file does not fit the configuration."""


def load_towers(checkpoint: Checkpoint) -> Towers:
    """Build both towers from a folder in open_clip's format; float32, on the CPU.

    Raises:
        WeightsMissing: if the text tower's configuration lies in a hub repository that is not here.
        EncoderError: if the weights or the tokenizer do not fit the configuration.
    """
    text = _text_config(checkpoint)
    model = _build(f"local-dir:{checkpoint.folder}", text_cfg=text)
    tokenizer = _tokenizer(text, checkpoint.folder if text.get("hf_tokenizer_name") else None)
    return _towers(model, tokenizer, checkpoint)


def load_pair(model_name: str, tag: str) -> Towers:
    """Build both towers of one of open_clip's own pairs from the weights that it keeps on this machine.

    Raises:
        UnknownName: if open_clip does not know the pair.
        WeightsMissing: if its weights or its tokenizer are not on this machine.
        EncoderError: if they do not fit.
    """
    checkpoint = _pair_checkpoint(model_name, tag)
    text = _text_config(checkpoint)
    model = _build(
        model_name,
        pretrained=str(checkpoint.weights),
        force_quick_gelu=checkpoint.config["quick_gelu"],
        text_cfg=text,
    )
    name = text.get("hf_tokenizer_name")
    tokenizer = _tokenizer(text, _hub_folder(checkpoint.folder, name) if name else None)
    return _towers(model, tokenizer, checkpoint)


def pair_weights(model_name: str, tag: str) -> Path | None:
    """Find the file that open_clip keeps for a pair, without asking the network."""
    published = get_pretrained_cfg(model_name, tag)
    if published.get("hf_hub"):
        repository, _, filename = published["hf_hub"].rpartition("/")
        names = [filename] if filename else ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
        if filename.endswith((".bin", ".pth")):
            names.insert(0, filename[:-4] + ".safetensors")
        return next((path for name in names if (path := cached_file(repository, name))), None)
    kept = Path("~/.cache/clip").expanduser() / Path(published.get("url", "")).name
    return kept if kept.is_file() else None


def _pair_checkpoint(model_name: str, tag: str) -> Checkpoint:
    config = open_clip.get_model_config(model_name)
    if config is None:
        raise UnknownName("open_clip model", model_name, open_clip.list_models())
    published = get_pretrained_cfg(model_name, tag)
    if not published:
        known = open_clip.list_pretrained_tags_by_model(model_name)
        raise UnknownName(f"open_clip weights of {model_name}", tag, known)
    weights = pair_weights(model_name, tag)
    if weights is None:
        raise WeightsMissing(
            f'the weights of open_clip:{model_name}/{tag} are not on this machine; run: python -c "import '
            f"open_clip as o; o.create_model('{model_name}', '{tag}'); o.get_tokenizer('{model_name}')\""
        )
    # Some weights were trained with QuickGELU under a model name without it; open_clip itself only warns.
    quick = bool(config.get("quick_gelu") or published.get("quick_gelu"))
    size = square(config["vision_cfg"].get("image_size", 224), model_name)
    return Checkpoint(
        folder=weights.parent,
        format="open_clip",
        weights=weights,
        config={**config, "quick_gelu": quick},
        preprocessing=preprocessing_of(published, size),
        width=int(config["embed_dim"]),
    )


def _text_config(checkpoint: Checkpoint) -> dict[str, Any]:
    """Point a transformers text tower at files on this machine; its weights come with the checkpoint."""
    text = dict(checkpoint.config["text_cfg"])
    if "hf_model_name" in text:
        text["hf_model_name"] = str(_hub_folder(checkpoint.folder, text["hf_model_name"]))
        text["hf_model_pretrained"] = False
    return text


def _build(name: str, **options: Any) -> Any:
    try:
        return open_clip.create_model(name, require_pretrained=True, **options).eval()
    except FAILURES as err:
        raise EncoderError(f"the open_clip model {name} cannot be loaded: {err}") from err


def _hub_folder(folder: Path, name: str) -> Path:
    """Find what open_clip would ask a hub for (configuration, tokenizer) in the folder or in the cache."""
    found = folder / name if (folder / name).is_dir() else cached_repository(name)
    if found is None:
        raise WeightsMissing(
            f"the text tower's files {name!r} are not on this machine; run "
            f"hf download {name} --include '*.json' --include '*.txt' --include '*.model', "
            f"or copy them to {folder / name}"
        )
    return found


def _tokenizer(text: Mapping[str, Any], source: Path | None) -> SimpleTokenizer | HFTokenizer:
    context = text.get("context_length", 77)
    options = text.get("tokenizer_kwargs", {})
    if source is None:
        return SimpleTokenizer(context_length=context, **options)
    mode = text.get("tokenizer_mode")
    try:
        return HFTokenizer(str(source), context_length=context, tokenizer_mode=mode, **options)
    except (*FAILURES, ImportError) as err:
        raise EncoderError(f"the tokenizer in {source} cannot be loaded: {err}") from err


def _towers(model: Any, tokenizer: Any, checkpoint: Checkpoint) -> Towers:
    state = model.state_dict()
    config = checkpoint.config
    tokenize: Callable[[list[str]], Tensor] = tokenizer
    if _masks_by_order(model):
        model.text.transformer.register_forward_pre_hook(_shorten_mask, with_kwargs=True)
    return Towers(
        module=model,
        encode_pixels=model.encode_image,
        encode_tokens=model.encode_text,
        tokenize=tokenize,
        vocabulary=tokenizer.encoder
        if isinstance(tokenizer, SimpleTokenizer)
        else tokenizer.tokenizer.get_vocab(),
        image_state={name: tensor for name, tensor in state.items() if name.startswith("visual.")},
        text_state={name: tensor for name, tensor in state.items() if not name.startswith(NEITHER_TOWER)},
        image_architecture={**config["vision_cfg"], "quick_gelu": config.get("quick_gelu", False)},
        text_architecture={**config["text_cfg"], "quick_gelu": config.get("quick_gelu", False)},
        preprocessing=checkpoint.preprocessing,
        width=checkpoint.width,
        cuts_padding=_masks_by_order(model),
        token_embedding=token_embedding(model),
        unknown=None if isinstance(tokenizer, SimpleTokenizer) else tokenizer.tokenizer.unk_token_id,
        attention=text_attention(model),
        places=image_places(model.visual),
    )


def _masks_by_order(model: Any) -> bool:
    """Whether words attend to earlier words alone, in open_clip's separate text tower."""
    tower = getattr(model, "text", None)
    return isinstance(tower, TextTransformer) and tower.attn_mask is not None and tower.cls_emb is None


def _shorten_mask(_: Any, inputs: tuple[Tensor], options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """open_clip takes shorter sentences and forgets to shorten its mask."""
    length = inputs[0].shape[1]
    return inputs, {**options, "attn_mask": options["attn_mask"][..., :length, :length]}
