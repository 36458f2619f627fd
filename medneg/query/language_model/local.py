"""A model in a folder, in transformers' format (Qwen2.5-Instruct and its like), decoded under a grammar.

xgrammar masks, at every step, the tokens that would leave the answer's schema. The schema's phrases are the
query's own, so the model can name nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from medneg.errors import ParserError
from medneg.query.language_model.prompt import MAX_TOKENS, answer_schema, messages
from medneg.query.language_model.reply import Unusable
from medneg.query.parsers import ParserSettings

_LONGEST_SECONDS = 60.0
"""Of writing one answer; what is cut off is no JSON, so the grammar's reading is used."""

_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A causal language model with a chat template, in ``folder``; loaded with its first query."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name: no path of this machine gets into a query."""
        return self.folder.name

    def reply(self, text: str, choices: tuple[str, ...]) -> str:
        """The model's answer under the schema, without sampling: the same words give the same answer."""
        with _one_at_a_time:
            return _load(self.folder).answer(messages(text), answer_schema(choices))


def local_model(settings: ParserSettings) -> LocalModel:
    """The model in the folder that settings name.

    Raises:
        ParserError: there is no model in that folder, or xgrammar is not installed.
    """
    folder = Path(settings.model).expanduser().resolve()
    if not (folder / "config.json").is_file():
        raise ParserError(
            f"no model in the folder {settings.model!r}: it has no config.json. Give the folder of a model "
            "in transformers' format, or the endpoint's address with --parser-url or MEDNEG_PARSER_URL"
        )
    if find_spec("xgrammar") is None:
        raise ParserError("a model in a folder needs xgrammar; install it with `pip install 'medneg[llm]'`")
    return LocalModel(folder)


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: Any
    tokenizer: Any
    compiler: Any

    def answer(self, conversation: list[dict[str, str]], schema: dict[str, Any]) -> str:
        from xgrammar.contrib.hf import LogitsProcessor

        prompt = self.tokenizer.apply_chat_template(
            conversation, add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(self.model.device)
        # Free white space would let a model write blanks until its tokens are spent.
        compiled = self.compiler.compile_json_schema(json.dumps(schema), any_whitespace=False)
        written = self.model.generate(
            **prompt,
            max_new_tokens=MAX_TOKENS,
            max_time=_LONGEST_SECONDS,
            do_sample=False,
            repetition_penalty=1.0,  # a folder's own one would punish the schema's repeated words
            logits_processor=[LogitsProcessor(compiled)],
        )
        new = written[0, prompt["input_ids"].shape[1] :]
        return str(self.tokenizer.decode(new, skip_special_tokens=True))


@lru_cache(maxsize=1)
def _load(folder: Path) -> _Loaded:
    import torch
    import xgrammar
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # Code in the folder is never run; unasked, transformers would prompt for leave on the terminal.
    own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(folder, **own)
    with _no_progress_bar():
        model, notes = AutoModelForCausalLM.from_pretrained(
            folder, use_safetensors=True, dtype="auto", output_loading_info=True, **own
        )
    # transformers fills what the file lacks with random numbers and only warns.
    if notes["missing_keys"]:
        raise Unusable(f"cannot be loaded: its folder lacks {len(notes['missing_keys'])} tensors")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # The embedding may have more rows than the tokenizer has tokens: Qwen pads its vocabulary.
    tokens = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=model.config.vocab_size)
    compiler = xgrammar.GrammarCompiler(tokens, cache_enabled=False)
    return _Loaded(model.to(device).eval(), tokenizer, compiler)


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    from transformers.utils import logging

    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
