"""Random checkpoints of a few kilobytes in every format that medneg reads."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import sentencepiece
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = (
    "left",
    "right",
    "pleural",
    "effusion",
    "no",
    "pneumothorax",
    "calcification",
    "heart",
    "normal",
    "lung",
)
SIZE = 32


def write_clip(folder: Path, seed: int = 0) -> Path:
    """Write a transformers CLIPModel with a word-level tokenizer; 32 pixels, 16 numbers wide."""
    torch.manual_seed(seed)
    config = transformers.CLIPConfig(
        text_config={**_small(), "vocab_size": 20, "max_position_embeddings": 12, "eos_token_id": 2},
        vision_config={**_small(), "image_size": SIZE, "patch_size": 16},
        projection_dim=16,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    _word_tokenizer(folder)
    _preprocessor(folder, size={"shortest_edge": 40}, crop_size={"height": SIZE, "width": SIZE})
    return folder


def write_siglip(folder: Path, seed: int = 0) -> Path:
    """Write a transformers SiglipModel with a sentencepiece tokenizer, as CheXagent's are."""
    torch.manual_seed(seed)
    vocabulary = _sentencepiece(folder)
    config = transformers.SiglipConfig(
        text_config={**_small(), "vocab_size": vocabulary, "max_position_embeddings": 8},
        vision_config={**_small(), "image_size": SIZE, "patch_size": 16},
    )
    transformers.SiglipModel(config).save_pretrained(folder)
    settings = {"tokenizer_class": "SiglipTokenizer", "do_lower_case": True, "model_max_length": 8}
    _write_json(folder / "tokenizer_config.json", settings)
    _preprocessor(
        folder,
        size={"height": SIZE, "width": SIZE},
        do_center_crop=None,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        resample=2,
    )
    return folder


def write_open_clip(folder: Path, seed: int = 0) -> Path:
    """Write an open_clip model with its own text tower and tokenizer."""
    torch.manual_seed(seed)
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": SIZE, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    model = open_clip.model.CLIP(**config)
    return _save_open_clip(folder, model, config, {"mean": [0.5] * 3, "std": [0.25] * 3})


def write_open_clip_with_bert(folder: Path, seed: int = 0) -> Path:
    """Write an open_clip model whose text tower is a BERT described elsewhere, as BiomedCLIP's is."""
    torch.manual_seed(seed)
    bert = folder / "some" / "tiny-bert"
    bert.mkdir(parents=True)
    transformers.BertConfig(vocab_size=20, max_position_embeddings=12, **_small()).save_pretrained(bert)
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": SIZE, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {
            "hf_model_name": "some/tiny-bert",
            "hf_tokenizer_name": "some/tiny-bert",
            "hf_proj_type": "mlp",
            "hf_pooler_type": "cls_last_hidden_state_pooler",
            "context_length": 10,
        },
    }
    text = {**config["text_cfg"], "hf_model_name": str(bert), "hf_model_pretrained": False}
    model = open_clip.model.CustomTextCLIP(16, config["vision_cfg"], text)
    _save_open_clip(folder, model, config, {"interpolation": "bilinear"})
    _word_tokenizer(folder)
    return folder


def _small() -> dict[str, int]:
    return {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}


def _save_open_clip(
    folder: Path, model: torch.nn.Module, config: dict[str, object], preprocess: dict[str, object]
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    # The published statistics are not those of open_clip's defaults, so that a test sees which are used.
    _write_json(folder / "open_clip_config.json", {"model_cfg": config, "preprocess_cfg": preprocess})
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def _word_tokenizer(folder: Path) -> None:
    special = ("<pad>", "<s>", "</s>", "<unk>")
    vocabulary = {word: i for i, word in enumerate((*special, *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    _write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **names})


def _sentencepiece(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "spiece.model").open("wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([" ".join(WORDS)] * 4),
            model_writer=model,
            vocab_size=48,
            hard_vocab_limit=False,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            minloglevel=2,
        )
    return int(sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model")).vocab_size())


def _preprocessor(folder: Path, **settings: object) -> None:
    whole = {
        "do_center_crop": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        **settings,
    }
    _write_json(folder / "preprocessor_config.json", whole)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
