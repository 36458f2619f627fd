"""Named encoders found in the hub's cache, and what is said of those that are not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from medneg import encoders
from medneg.encoders import registry
from medneg.errors import UnknownName, WeightsMissing


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the model hub; what a test loads from it is forgotten afterwards."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    encoders.load.cache_clear()
    yield tmp_path
    encoders.load.cache_clear()


def keep(cache: Path, repository: str) -> Path:
    """Make the folder in which ``hf download`` keeps a repository's main revision."""
    kept = cache / f"models--{repository.replace('/', '--')}"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0123abcd")
    snapshot = kept / "snapshots" / "0123abcd"
    snapshot.parent.mkdir()
    return snapshot


def test_every_missing_encoder_names_the_command_that_brings_it(cache):
    rows = {row.name: row for row in encoders.catalogue()}
    assert list(rows) == [
        "phantom",
        "xrayclip-b16",
        "xrayclip-l14",
        "xraysiglip-b16",
        "xraysiglip-l16",
        "biomedclip",
    ]
    assert not any(row.available for name, row in rows.items() if name != "phantom")
    assert rows["xrayclip-b16"].how_to_get == "hf download StanfordAIMI/XrayCLIP__vit-b-16__laion2b-s34b-b88k"
    assert rows["xrayclip-b16"].licence == "CC-BY-NC-4.0"
    assert rows["biomedclip"].how_to_get == (
        "hf download microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224 && "
        "hf download microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract config.json"
    )


@pytest.mark.parametrize("name", [name for name, entry in registry.ENTRIES.items() if entry.repository])
def test_a_missing_encoder_says_how_to_bring_it_offline_too(name, cache):
    with pytest.raises(
        WeightsMissing, match=r"run: hf download .*licence: .*use local:FOLDER, .* set HF_HOME"
    ):
        encoders.load(name)


def test_a_repository_without_its_weights_is_missing(tiny, cache):
    folder = tiny.write_clip(keep(cache, registry.ENTRIES["xrayclip-b16"].repository))
    (folder / "model.safetensors").unlink()
    assert not next(row for row in encoders.catalogue() if row.name == "xrayclip-b16").available
    with pytest.raises(WeightsMissing, match="'xrayclip-b16' are not on this machine"):
        encoders.load("xrayclip-b16")


def test_a_named_clip_loads_from_the_cache_with_its_licence(tiny, cache):
    tiny.write_clip(keep(cache, registry.ENTRIES["xrayclip-b16"].repository))
    row = next(row for row in encoders.catalogue() if row.name == "xrayclip-b16")
    assert (row.available, row.input_size, row.width, row.how_to_get) == (True, 32, 16, "")
    card = encoders.load("xrayclip-b16").card
    assert (card.name, card.licence, card.width) == ("xrayclip-b16", "CC-BY-NC-4.0", 16)
    assert "not for clinical use" in card.notice


def test_a_named_siglip_loads_from_the_cache(tiny, cache):
    tiny.write_siglip(keep(cache, registry.ENTRIES["xraysiglip-l16"].repository))
    assert encoders.load("xraysiglip-l16").encode_texts(["no effusion"]).shape == (1, 32)


def test_biomedclip_takes_its_text_tower_from_a_second_repository(tiny, cache):
    folder = tiny.write_open_clip_with_bert(keep(cache, registry.ENTRIES["biomedclip"].repository))
    (folder / "some" / "tiny-bert").rename(keep(cache, "some/tiny-bert"))
    encoder = encoders.load("biomedclip")
    assert encoder.card.template == "this is a photo of {}"
    assert encoder.encode_texts(["left effusion", "no effusion"]).shape == (2, 16)


def test_any_repository_loads_by_hf_with_the_licence_of_its_readme(tiny, cache):
    folder = tiny.write_clip(keep(cache, "someone/anything"))
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert encoders.load("hf:someone/anything").card.licence == "apache-2.0"
    with pytest.raises(WeightsMissing, match="run: hf download someone/other"):
        encoders.load("hf:someone/other")


def test_a_pair_of_open_clip_loads_from_the_cache(cache, monkeypatch):
    torch.manual_seed(0)
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny", config)
    published = {"hf_hub": "someone/tiny/", "mean": (0.5,) * 3, "std": (0.25,) * 3, "quick_gelu": True}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "Tiny", {"drawings": published})
    with pytest.raises(WeightsMissing, match=r"o.create_model\('Tiny', 'drawings'\)"):
        encoders.load("open_clip:Tiny/drawings")
    folder = keep(cache, "someone/tiny")
    folder.mkdir()
    model = open_clip.model.CLIP(**config, quick_gelu=True).eval()
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    encoder = encoders.load("open_clip:Tiny/drawings")
    pixels = np.random.default_rng(0).random((2, 32, 32), dtype=np.float32)
    with torch.inference_mode():
        colour = (torch.tensor(pixels)[:, None].repeat(1, 3, 1, 1) - 0.5) / 0.25
        want = model.encode_image(colour, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_images(pixels), want, atol=1e-6)


def test_an_unknown_pair_of_open_clip_lists_what_exists():
    with pytest.raises(UnknownName, match=r"unknown open_clip model 'ViT-Z'; choose one of: .*ViT-B-32"):
        encoders.load("open_clip:ViT-Z/openai")
    with pytest.raises(
        UnknownName, match=r"unknown open_clip weights of ViT-B-32 'mine'; choose one of: openai"
    ):
        encoders.load("open_clip:ViT-B-32/mine")


def test_listing_the_encoders_imports_neither_torch_nor_transformers():
    code = (
        "import sys; from medneg import encoders; encoders.catalogue(); "
        "print(sorted({'torch', 'transformers', 'open_clip', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
