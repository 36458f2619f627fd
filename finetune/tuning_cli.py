"""Commands that tune a text tower on an archive: `con1`, `con2`, `label-aware`."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from finetune.application import app
from finetune.tuning_recipe import DEFAULTS, Method, TuningRecipe
from medneg.cli.application import ArchiveOption, EncoderOption, TextEncoderOption

if TYPE_CHECKING:
    from finetune.embedded import Embedded
    from medneg.encoders import Encoder

TruthOption = Annotated[
    Literal["manifest", "report"], typer.Option(help="Believe manifests, or findings read in reports.")
]
ThreadsOption = Annotated[int, typer.Option(help="Threads of the training.", min=1)]
UnfreezeOption = Annotated[
    bool,
    typer.Option(
        "--unfreeze-image",
        help="Let the image tower learn too, from the archive's files; images must be embedded again.",
    ),
]
UnfreezeAlsoOption = Annotated[
    bool, typer.Option("--unfreeze-image", help="Add a row: CON2 with the image tower in the loop.")
]
HELP = {
    "con1": "Tune with InfoNCE: an image and its prompt find each other (CON1).",
    "con2": "Tune with CoN-CLIP's loss: opposite prompts and distractor images too (CON2).",
    "label-aware": 'Tune so that every image of which a prompt is true counts, "A but no B" included.',
}


def tune(
    context: typer.Context,
    archive: ArchiveOption,
    out: Annotated[Path, typer.Option(help="Folder of the run; a run in it goes on where it stopped.")],
    encoder: EncoderOption = "phantom",
    text_encoder: Annotated[
        str | None, typer.Option(help="Go on from this tuned text tower; the encoder's own still holds it.")
    ] = None,
    findings: Annotated[
        str | None, typer.Option(help='For example "effusion,pneumothorax"; all that are labelled.')
    ] = None,
    images: Annotated[
        int | None, typer.Option(help="Learn from so many; of one finding half show it. All.", min=2)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="How often each image is presented.", min=1)] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", min=0)] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step.", min=2)] = None,
    distill: Annotated[
        float | None, typer.Option(help="Weight of staying with the base where nothing is denied.", min=0)
    ] = None,
    distractor_ratio: Annotated[
        float | None, typer.Option(help="Share of distractors that differ in one finding only.", min=0, max=1)
    ] = None,
    unfreeze_image: UnfreezeOption = False,
    precision: Annotated[
        Literal["no", "bf16"], typer.Option(help="Let the towers that learn compute in bfloat16.")
    ] = "no",
    truth: TruthOption = "manifest",
    seed: Annotated[int, typer.Option(help="Of split, order and prompts.", min=0)] = 0,
    threads: ThreadsOption = 1,
) -> None:
    """Tune the text tower; unless it is unfrozen, the image tower and the archive stay as they are."""
    given = {
        "images": images,
        "epochs": epochs,
        "rate": lr,
        "batch": batch,
        "distill": distill,
        "distractors": distractor_ratio,
    }
    recipe = _recipe(
        str(context.info_name),
        encoder,
        findings,
        {
            **{name: value for name, value in given.items() if value is not None},
            "start": text_encoder,
            "unfreeze_image": unfreeze_image,
            "precision": precision,
            "seed": seed,
        },
    )
    _run(recipe, archive, out, truth, threads)


for _method in get_args(Method):
    app.command(_method, help=HELP[_method])(tune)


@app.command()
def reproduce(
    archive: ArchiveOption,
    out: Annotated[Path, typer.Option(help="Folder of the runs and of table.json.")],
    encoder: EncoderOption = "phantom",
    finding: Annotated[str, typer.Option(help="What to tune on.")] = "pleural effusion",
    images: Annotated[int, typer.Option(help="Learn from so many, half of which show it.", min=2)] = 230,
    seeds: Annotated[int, typer.Option(help="How many runs of each.", min=1)] = 5,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", min=0)] = None,
    distractor_ratio: Annotated[
        float | None, typer.Option(help="Share of distractors that differ in one finding only.", min=0, max=1)
    ] = None,
    unfreeze_image: UnfreezeAlsoOption = False,
    truth: TruthOption = "manifest",
    threads: ThreadsOption = 1,
) -> None:
    """The protocol of the CON2 paper: base, CON1 and CON2 on 99 prompts about 70 images."""
    import torch

    from finetune.embedded import read_embedded
    from finetune.over_seeds import told
    from finetune.prepared import with_pictures
    from finetune.reproducing import reproduce as follow
    from medneg.archive import Archive
    from medneg.encoders.registry import load_alone
    from medneg.terminal.progress import progress_bar

    torch.set_num_threads(threads)
    given = {"images": images, "rate": lr, "distractors": distractor_ratio}
    numbers = {name: value for name, value in given.items() if value is not None}
    recipes = [
        _recipe(method, encoder, finding, {**numbers, "seed": seed, "unfreeze_image": unfrozen})
        for seed in range(seeds)
        for method, unfrozen in (("con1", False), ("con2", False), ("con2", True))
        if unfreeze_image or not unfrozen
    ]
    with Archive.open(archive) as store:
        base = load_alone(encoder)
        known = read_embedded(store, base, findings=(finding,), source=truth)
        if unfreeze_image:
            with progress_bar("reading pixels", "images") as progress:
                known = with_pictures(known, store, base.card.input, out, progress=progress)
    with progress_bar("reproducing", "runs") as progress:
        table = follow(out, known, lambda: load_alone(encoder), recipes, progress=progress)
    (out / "table.json").write_text(json.dumps(table.to_json(), indent=2) + "\n", encoding="utf-8")
    for title, rows in (("mean over seeds [95 %]", table.rows), ("gained over base", table.gained)):
        typer.echo(f"\n{title}; {table.finding}, {table.images} images, {len(table.seeds)} seeds")
        for model, figures in rows.items():
            for name, figure in figures.items():
                typer.echo(f"  {model:<13} {name:<26} {told(figure)}")


@app.command()
def listen(
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    text_encoder: TextEncoderOption = None,
    truth: TruthOption = "manifest",
    carriers: Annotated[bool, typer.Option("--carriers", help="Show every carrier, worst first.")] = False,
) -> None:
    """Ask whole sentences by plain cosine, in wordings trained on and in others: what does the tower hear?"""
    from finetune.embedded import read_embedded
    from finetune.measuring import listen as ask
    from medneg.archive import Archive
    from medneg.encoders import load

    tower = load(encoder, text_encoder)
    with Archive.open(archive) as store:
        known = read_embedded(store, tower, source=truth)
    heard = ask(known, tower.encode_texts)
    typer.echo(f"precision@10 by plain cosine, {len(known)} images, {tower.card.name}")
    for wordings, kind in dict.fromkeys((row.wordings, row.kind) for row in heard):
        rows = [row for row in heard if (row.wordings, row.kind) == (wordings, kind)]
        shown = [row.violation for row in rows if row.violation is not None]
        broken = f"  shows B {sum(shown) / len(shown):.3f}" if shown else ""
        mean = sum(row.precision for row in rows) / len(rows)
        typer.echo(f"{wordings:<22} {kind:<11} {mean:.3f}{broken}  ({len(rows)} carriers)")
        for row in sorted(rows, key=lambda row: row.precision) if carriers else ():
            typer.echo(f"    {row.precision:.3f}  {row.carrier}")


@app.command()
def average(
    towers: Annotated[list[str], typer.Argument(help="Text towers, as --text-encoder takes them.")],
    out: Annotated[Path, typer.Option(help="Folder of the result.")],
) -> None:
    """Average the weights of text towers that were tuned from one start."""
    from finetune.averaging import average as mean

    folder = mean(towers, out, command=_command())
    typer.echo(f"the text tower is in {folder}; try: medneg search --text-encoder {out} --method cosine …")


def _recipe(method: str, encoder: str, findings: str | None, numbers: dict[str, Any]) -> TuningRecipe:
    named = tuple(word.strip() for word in (findings or "").split(",") if word.strip())
    known: Any = method
    return TuningRecipe(method=known, base=encoder, findings=named, **{**DEFAULTS[known], **numbers})


def _run(
    recipe: TuningRecipe, archive: str, out: Path, truth: Literal["manifest", "report"], threads: int
) -> None:
    import torch
    from accelerate import Accelerator

    from finetune.starting import load_towers
    from finetune.tuning import Tuning
    from medneg.terminal.progress import progress_bar

    torch.set_num_threads(threads)
    base, tuned = load_towers(recipe)
    process = Accelerator(mixed_precision="no")
    with process.main_process_first():
        learnt, watched = _parts(recipe, archive, out, truth, base)
    tuning = Tuning(out, recipe, base, tuned, learnt)
    try:
        with progress_bar("tuning", "steps") if process.is_main_process else nullcontext() as progress:
            tuning.run(watched, progress=progress)
    except KeyboardInterrupt:
        typer.echo("stopped and saved; run the same command again to go on", err=True)
        raise typer.Exit(130) from None
    if process.is_main_process:
        folder = tuning.export(_command())
        _tell(tuning.metrics)
        _tell_how_to_use(recipe, folder, out)
    tuning.accelerator.end_training()


def _parts(
    recipe: TuningRecipe, archive: str, out: Path, truth: Literal["manifest", "report"], base: Encoder
) -> tuple[Embedded, Embedded]:
    """What is learnt from and what is watched, with pixels where the image tower learns too."""
    from finetune.embedded import prepare_data
    from finetune.prepared import with_pictures
    from medneg.archive import Archive
    from medneg.terminal.progress import progress_bar

    with Archive.open(archive) as store:
        learnt, watched = prepare_data(store, base, recipe, source=truth)
        if not recipe.unfreeze_image:
            return learnt, watched
        with progress_bar("reading pixels", "images") as progress:
            learnt, watched = (
                with_pictures(part, store, base.card.input, out, progress=progress)
                for part in (learnt, watched)
            )
    return learnt, watched


def _tell_how_to_use(recipe: TuningRecipe, folder: Path, out: Path) -> None:
    if recipe.unfreeze_image:
        typer.echo(
            f"the encoder is in {folder}; its image tower is a new one, so every archive must be embedded "
            f"again before it is searched: medneg ingest … --archive … --encoder local:{out}"
        )
    else:
        typer.echo(
            f"the text tower is in {folder}; try: medneg search --text-encoder {out} --method cosine …"
        )


def _tell(rows: list[dict[str, Any]]) -> None:
    """Before and after, on the watched images."""
    typer.echo("precision@10 of whole sentences, plain cosine, watched images: base, tuned")
    for wordings in ("trained wordings", "unseen wordings"):
        for kind, value in rows[-1][wordings].items():
            typer.echo(f"  {wordings}, {kind:<11} {rows[0][wordings][kind]:.3f}  {value:.3f}")


def _command() -> str:
    """The command as it was typed."""
    return shlex.join(["medneg-finetune", *sys.argv[1:]])
