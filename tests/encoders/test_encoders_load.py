"""Each format against direct calls of the library that wrote it, and what a wrong folder is told."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
import transformers
from torch.nn.functional import normalize

from medneg import encoders
from medneg.encoders.checkpoint import read_checkpoint
from medneg.errors import EncoderError, UnknownName, WeightsMissing

WRITERS = {
    "clip": "write_clip",
    "siglip": "write_siglip",
    "open_clip": "write_open_clip",
    "open_clip with BERT": "write_open_clip_with_bert",
}


@pytest.fixture(scope="module")
def folders(tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        name: getattr(tiny, write)(tmp_path_factory.mktemp("checkpoints") / "model")
        for name, write in WRITERS.items()
    }


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).random((5, 32, 32), dtype=np.float32)


def direct_transformers(folder: Path, pixels: np.ndarray, *, mean, std, context: int):
    """The same embeddings by transformers' own calls, normalisation written out."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(
        SENTENCES, padding="max_length", truncation=True, max_length=context, return_tensors="pt"
    )
    colour = np.repeat(pixels[:, None], 3, axis=1)
    colour = (colour - np.array(mean, np.float32).reshape(3, 1, 1)) / np.array(std, np.float32).reshape(
        3, 1, 1
    )
    with torch.inference_mode():
        images = model.get_image_features(pixel_values=torch.tensor(colour)).pooler_output
        texts = model.get_text_features(input_ids=tokens["input_ids"]).pooler_output
    return normalize(images).numpy(), normalize(texts).numpy()


def direct_open_clip(folder: Path, pixels: np.ndarray, *, mean, std, text_cfg=None):
    """The same embeddings by open_clip's own calls."""
    options = {} if text_cfg is None else {"text_cfg": text_cfg}
    model = open_clip.create_model(f"local-dir:{folder}", **options).eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    colour = np.repeat(pixels[:, None], 3, axis=1)
    colour = (colour - np.array(mean, np.float32).reshape(3, 1, 1)) / np.array(std, np.float32).reshape(
        3, 1, 1
    )
    with torch.inference_mode():
        images = model.encode_image(torch.tensor(colour), normalize=True)
        texts = model.encode_text(tokenizer(SENTENCES), normalize=True)
    return images.numpy(), texts.numpy()


SENTENCES = ["left pleural effusion", "no effusion", "Normal heart", "no pneumothorax or calcification " * 40]
CLIP = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}


def direct(name: str, folder: Path, pixels: np.ndarray):
    if name == "clip":
        return direct_transformers(folder, pixels, **CLIP, context=12)
    if name == "siglip":
        return direct_transformers(folder, pixels, mean=[0.5] * 3, std=[0.5] * 3, context=8)
    if name == "open_clip":
        return direct_open_clip(folder, pixels, mean=[0.5] * 3, std=[0.25] * 3)
    text = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]["text_cfg"]
    text = {**text, "hf_model_name": str(folder / "some" / "tiny-bert"), "hf_model_pretrained": False}
    return direct_open_clip(folder, pixels, **CLIP, text_cfg=text)


@pytest.mark.parametrize("name", WRITERS)
def test_rows_equal_those_of_the_library_that_wrote_the_checkpoint(name, folders, pixels):
    encoder = encoders.load(f"local:{folders[name]}")
    images, texts = direct(name, folders[name], pixels)
    np.testing.assert_allclose(encoder.encode_images(pixels), images, atol=2e-6)
    np.testing.assert_allclose(encoder.encode_texts(SENTENCES), texts, atol=2e-6)


@pytest.mark.parametrize("name", WRITERS)
def test_rows_are_float32_unit_and_repeatable(name, folders, pixels):
    encoder = encoders.load(f"local:{folders[name]}")
    images, texts = encoder.encode_images(pixels), encoder.encode_texts(SENTENCES)
    assert images.dtype == texts.dtype == np.float32
    assert images.shape == (5, encoder.card.width)
    assert texts.shape == (4, encoder.card.width)
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([images, texts]), axis=1), 1, atol=1e-6)
    assert np.array_equal(images, encoder.encode_images(pixels))
    assert np.array_equal(texts, encoder.encode_texts(SENTENCES))


def test_many_images_give_the_rows_of_each_alone(folders):
    encoder = encoders.load(f"local:{folders['open_clip']}")
    pixels = np.random.default_rng(1).random((70, 32, 32), dtype=np.float32)
    alone = np.concatenate([encoder.encode_images(pixels[i : i + 1]) for i in range(70)])
    np.testing.assert_allclose(encoder.encode_images(pixels), alone, atol=1e-6)


def test_nothing_in_gives_no_rows_out(folders):
    encoder = encoders.load(f"local:{folders['open_clip']}")
    assert encoder.encode_images(np.empty((0, 32, 32), np.float32)).shape == (0, 16)
    assert encoder.encode_texts([]).shape == (0, 16)


def test_the_preprocessor_file_gives_size_and_interpolation(folders):
    clip, siglip = (encoders.load(f"local:{folders[name]}").card for name in ("clip", "siglip"))
    assert (clip.input.size, clip.input.interpolation, clip.width) == (32, "bicubic", 16)
    assert (siglip.input.size, siglip.input.interpolation, siglip.width) == (32, "bilinear", 32)


def test_a_preprocessor_larger_than_the_grid_interpolates_positions(tiny, tmp_path):
    folder = tiny.write_clip(tmp_path / "model")
    path = folder / "preprocessor_config.json"
    larger = {**json.loads(path.read_text()), "crop_size": {"height": 64, "width": 64}}
    path.write_text(json.dumps(larger))
    encoder = encoders.load(f"local:{folder}")
    assert encoder.encode_images(np.zeros((1, 64, 64), np.float32)).shape == (1, 16)


def test_pictures_of_another_size_are_refused(folders):
    encoder = encoders.load(f"local:{folders['clip']}")
    with pytest.raises(
        ValueError, match=r"float32 pictures of shape \(n, 32, 32\); got float32 of shape \(1, 16, 16\)"
    ):
        encoder.encode_images(np.zeros((1, 16, 16), np.float32))
    with pytest.raises(TypeError, match="got one string, 'effusion'"):
        encoder.encode_texts("effusion")


def test_loading_twice_gives_the_same_object(folders):
    name = f"local:{folders['clip']}"
    assert encoders.load(name) is encoders.load(name)


def test_a_card_in_the_folder_speaks_for_the_model(tiny, tmp_path):
    folder = tiny.write_open_clip(tmp_path / "model")
    card = {"licence": "CC-BY-NC-4.0", "notice": "Tuned.", "template": "a {}", "findings": ["lung_mass"]}
    (folder / "card.json").write_text(json.dumps(card))
    told = encoders.load(f"local:{folder}").card
    assert (told.licence, told.notice, told.template, told.findings) == (
        "CC-BY-NC-4.0",
        "Tuned.",
        "a {}",
        ("lung_mass",),
    )


def test_a_hub_readme_tells_the_licence(tiny, tmp_path):
    folder = tiny.write_open_clip(tmp_path / "model")
    (folder / "README.md").write_text("---\ntags:\n- clip\nlicense: mit\n---\n# A model\n")
    assert encoders.load(f"local:{folder}").card.licence == "mit"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        UnknownName, match=r"unknown encoder 'clip'; choose one of: phantom, xrayclip-b16, .*local:FOLDER"
    ):
        encoders.load("clip")


def test_a_missing_folder_and_a_folder_without_model_are_told_apart(tmp_path):
    with pytest.raises(EncoderError, match="nowhere does not exist; give a folder with an open_clip model"):
        encoders.load(f"local:{tmp_path / 'nowhere'}")
    with pytest.raises(EncoderError, match=r"has neither open_clip_config.json nor config.json"):
        encoders.load(f"local:{tmp_path}")


def test_another_kind_of_model_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(EncoderError, match="has model_type 'bert'; medneg reads 'clip' and 'siglip'"):
        encoders.load(f"local:{tmp_path}")


def test_a_broken_configuration_is_named(tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{")
    with pytest.raises(EncoderError, match=r"open_clip_config.json is not readable as JSON"):
        read_checkpoint(tmp_path)
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(EncoderError, match="has no 'model_cfg'"):
        read_checkpoint(tmp_path)


def test_a_folder_without_preprocessor_is_refused(tiny, tmp_path):
    folder = tiny.write_clip(tmp_path / "model")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(EncoderError, match=r"has no preprocessor_config.json, so its input size is unknown"):
        encoders.load(f"local:{folder}")


def test_pictures_that_are_not_square_are_refused(tiny, tmp_path):
    folder = tiny.write_siglip(tmp_path / "model")
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "size": {"height": 32, "width": 48}}))
    with pytest.raises(EncoderError, match="medneg feeds square pictures only"):
        encoders.load(f"local:{folder}")


@pytest.mark.parametrize("name", ["clip", "open_clip"])
def test_a_folder_without_weights_asks_for_them(tiny, name, tmp_path):
    folder = getattr(tiny, WRITERS[name])(tmp_path / "model")
    next(folder.glob("*.safetensors")).unlink()
    with pytest.raises(WeightsMissing, match=r"holds no weights; add its .safetensors file"):
        encoders.load(f"local:{folder}")


@pytest.mark.parametrize(
    ("name", "file"), [("clip", "pytorch_model.bin"), ("open_clip", "open_clip_pytorch_model.bin")]
)
def test_a_pickle_in_place_of_weights_is_never_run(tiny, name, file, tmp_path):
    folder = getattr(tiny, WRITERS[name])(tmp_path / "model")
    next(folder.glob("*.safetensors")).unlink()
    trap = tmp_path / "trap"
    (folder / file).write_bytes(pickle.dumps(_Trap(trap), protocol=2))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        encoders.load(f"local:{folder}")
    assert not trap.exists()


class _Trap:
    """Unpickling it would make a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["clip", "open_clip"])
def test_truncated_weights_are_refused(tiny, name, tmp_path):
    folder = getattr(tiny, WRITERS[name])(tmp_path / "model")
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(EncoderError, match="cannot be loaded"):
        encoders.load(f"local:{folder}")


def test_weights_that_lack_a_tensor_are_not_filled_with_random_numbers(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tiny.write_clip(tmp_path / "model")
    state = load_file(folder / "model.safetensors")
    del state["visual_projection.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        EncoderError, match=r"lack 1 tensors of its clip model, 'visual_projection.weight' first"
    ):
        encoders.load(f"local:{folder}")


def test_a_text_tower_that_is_not_here_names_its_command(tiny, tmp_path):
    import shutil

    folder = tiny.write_open_clip_with_bert(tmp_path / "model")
    shutil.rmtree(folder / "some")
    with pytest.raises(WeightsMissing, match="hf download some/tiny-bert"):
        encoders.load(f"local:{folder}")
