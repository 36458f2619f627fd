"""A model in a folder: a random one with two layers, held to the schema by xgrammar."""

from __future__ import annotations

import json

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from medneg.query import ParserSettings, parse, parser
from medneg.query.filters import split_filters
from medneg.query.language_model import fallback, local
from medneg.query.language_model.grounding import concepts
from medneg.query.language_model.local import LocalModel, local_model
from medneg.query.language_model.prompt import PROMPT_VERSION, answer_schema, messages
from medneg.query.language_model.reply import read_reply
from medneg.query.sentence import read_sentence

xgrammar = pytest.importorskip("xgrammar", reason="the extra medneg[llm] is not installed")
pytestmark = pytest.mark.slow

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The conversation as Qwen2.5-Instruct writes it."""

QUERIES = [
    "effusion but no calcification",
    "clear lungs except for a nodule in the right upper lobe",
    "RUL mass w/o zorblax view:PA",
    "possible pneumonia vs edema, extubated",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A Qwen2 whose weights are noise, and a tokenizer trained on the prompt."""
    place = tmp_path_factory.mktemp("models") / "noise"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([message["content"] for message in messages("")] * 4, trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
    )
    config = transformers.Qwen2Config(
        vocab_size=len(fast) + 7,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    torch.manual_seed(6)
    model = transformers.Qwen2ForCausalLM(config)
    # As Qwen2.5-Instruct ships: sampling settings that a greedy answer must not be touched by.
    model.generation_config.update(
        do_sample=True, temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.05
    )
    model.save_pretrained(place)
    fast.save_pretrained(place)
    return place


@pytest.fixture(autouse=True, scope="module")
def _forget():
    yield
    local._load.cache_clear()
    fallback._reply.cache_clear()


@pytest.mark.parametrize("query", QUERIES)
def test_noise_can_only_write_the_schema_in_the_querys_words(folder, query):
    read = parser(ParserSettings(policy="always", model=str(folder))).parse(query)
    words, _, _ = split_filters(query)
    choices = concepts(read_sentence(words))
    written = fallback._reply(LocalModel(folder), PROMPT_VERSION, " ".join(words.split()), choices)
    assert follows(written, answer_schema(choices), folder)
    if read.parser == "grammar":
        assert read.warnings[-1].code == "llm_fallback"
        assert read.mentions == parse(query).mentions
    else:
        assert {claim.concept for claim in read_reply(written)} <= set(choices)
    for mention in read.mentions:
        assert mention.span is not None
        assert read.raw[slice(*mention.span)].strip()
    assert str(folder) not in repr(read)


def follows(written: str, schema: dict, folder) -> bool:
    """Whether words are an answer under the schema, or the beginning of one."""
    compiled = local._load(folder).compiler.compile_json_schema(json.dumps(schema), any_whitespace=False)
    return xgrammar.GrammarMatcher(compiled).accept_string(written)


def test_a_model_is_called_by_its_folders_name(folder):
    assert local_model(ParserSettings(policy="always", model=f"{folder}/")).name == "noise"


def test_broken_weights_leave_the_grammars_reading(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    read = parser(ParserSettings(policy="always", model=str(tmp_path))).parse(QUERIES[0])
    (warning,) = read.warnings
    assert "did not read this: it failed with SafetensorError" in warning.message
    assert read.mentions == parse(QUERIES[0]).mentions


def test_code_in_the_folder_is_not_run(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "other", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text("raise SystemExit('run')")
    (warning,) = parser(ParserSettings(policy="always", model=str(tmp_path))).parse(QUERIES[0]).warnings
    assert "did not read this: it failed with ValueError" in warning.message
