"""The evidence of a diagnosis on its page: maps, weights of words, failures, probability curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from medneg.diagnostics.attribution import MAX_GAP, TokenAttribution
from medneg.diagnostics.diagnosis import Diagnosis
from medneg.diagnostics.drawing import reliability_curve, scatter
from medneg.diagnostics.failures import Failure, Shown
from medneg.diagnostics.geometry import Geometry
from medneg.diagnostics.projection import Map
from medneg.diagnostics.regions import Region
from medneg.diagnostics.weighing import Weights
from medneg.evaluation.markup import figure, section, table
from medneg.query import lexicon

TOWARDS, AGAINST = (47, 109, 179), (182, 92, 12)
"""What speaks for an image that shows the finding is blue, what speaks against it orange, with the number."""


def evidence(diagnosis: Diagnosis) -> Iterator[str]:
    """Everything between the tables and the thresholds."""
    yield from _maps(diagnosis)
    yield from _weights(diagnosis)
    yield from _regions(diagnosis)
    yield from _failures(diagnosis)
    yield from _reliability(diagnosis)


def names_of(diagnosis: Diagnosis) -> list[str]:
    """The models by their own names, without their base's in front."""
    return [model.own_name for model in diagnosis.models]


def _maps(diagnosis: Diagnosis) -> Iterator[str]:
    names = names_of(diagnosis)
    prompts = [one for one in diagnosis.maps if one.model is not None and one.method == "t-SNE"]
    trust = prompts[0].trust
    agree = "" if trust.agreement is None else f", neighbourhoods agree to {_least(prompts):.2f}"
    yield section(
        "Where prompts lie",
        f"t-SNE (cosine), {trust.runs} runs of several seeds and perplexities: trustworthiness "
        f"{min(one.trust.least for one in prompts):.2f} or better{agree}; maps aligned by Procrustes. "
        "● “X” △ “no X”, minimal pairs.",
    )
    yield '<div class="maps">'
    for one in prompts:
        geometry = diagnosis.geometry[one.model or 0]
        told = (
            f"{names[one.model or 0]}: {_sits(geometry)} (silhouette of polarity within a finding "
            f"{geometry.silhouette_polarity.value:.2f})"
        )
        yield f"<figure>{scatter(one)}<figcaption>{escape(told)}</figcaption></figure>"
    yield "</div>"
    yield _geometry_table(diagnosis)
    yield from _images(diagnosis)


def _least(maps: Sequence[Map]) -> float:
    return min(one.trust.agreement or 0.0 for one in maps)


def _sits(geometry: Geometry) -> str:
    if geometry.cosine_negated.value > geometry.cosine_others.value:
        return "each “no X” lies nearer to its X than other findings do"
    return "“no X” lies farther from its X than other findings do"


def _geometry_table(diagnosis: Diagnosis) -> str:
    lines: tuple[tuple[str, str], ...] = (
        ("cosine of “X” with “no X”", "cosine_negated"),
        ("cosine of “X” with “Y”, same words", "cosine_others"),
        ("silhouette of polarity, within a finding", "silhouette_polarity"),
        ("silhouette of findings, whatever the polarity", "silhouette_finding"),
        ("linear probe tells polarity of findings it never saw (chance .5)", "probe"),
        ("modality gap: mean image to mean prompt", "gap"),
        ("effective rank of prompts", "rank_prompts"),
        ("effective rank of images", "rank_images"),
    )
    rows = [
        (False, (words, *(_quantity(getattr(one, name)) for one in diagnosis.geometry)))
        for words, name in lines
    ]
    return table(("geometry of the embeddings; intervals over findings", *names_of(diagnosis)), rows)


def _quantity(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return figure(value)  # type: ignore[arg-type]


def _images(diagnosis: Diagnosis) -> Iterator[str]:
    names = names_of(diagnosis)
    images = next(one for one in diagnosis.maps if one.model is None)
    joint = [one for one in diagnosis.maps if one.method == "PCA"]
    agree = (
        "" if images.trust.agreement is None else f", neighbourhoods agree to {images.trust.agreement:.2f}"
    )
    yield section(
        "Where images lie",
        f"Images that show one finding are named by it. t-SNE, {images.trust.runs} runs: trustworthiness "
        f"{images.trust.least:.2f} or better{agree}. PCA of images (·) and prompts (●, △) together shows the "
        "gap between the two kinds.",
    )
    yield f'<div class="maps three"><figure>{scatter(images)}<figcaption>images, t-SNE</figcaption></figure>'
    for one in joint:
        share = 100 * (one.explained or 0)
        told = f"{names[one.model or 0]}, PCA: the two axes hold {share:.0f} % of the variance"
        yield f"<figure>{scatter(one)}<figcaption>{escape(told)}</figcaption></figure>"
    yield "</div>"


def _weights(diagnosis: Diagnosis) -> Iterator[str]:
    names = names_of(diagnosis)
    shares = [share for weights in diagnosis.weights for share in weights.shares]
    bound = f"; completeness gap below {100 * MAX_GAP:.0f} %" if shares else ""
    yield section(
        "What the text encoder weighs",
        f"Integrated gradients of the sentence's cosine with the images that show the finding{bound}. Blue "
        "words speak for such images, orange ones against them; a framed word is the negation's cue.",
    )
    yield (
        "<p><b>The attribution share is an illustration, not a gate</b>: a model has gone from deaf to "
        "hearing without any rise in the share of its negation word.</p>"
    )
    yield '<div class="weighed">'
    for name, weights in zip(names, diagnosis.weights, strict=True):
        yield f"<div><h3>{escape(name)}</h3>{_sentences(weights)}</div>"
    yield "</div>"
    if shares:
        yield _shares_table(names, diagnosis.weights)


def _sentences(weights: Weights) -> str:
    if weights.refused is not None:
        return f'<p class="grey">{escape(weights.refused)}</p>'
    return "".join(_sentence(one) for one in weights.sentences)


def _sentence(one: TokenAttribution) -> str:
    most = sum(abs(score) for score in one.scores) or 1.0
    words = "".join(_word(word.text, word.score / most, cue=word.role == "cue") for word in one.words)
    return f'<div class="sentence">{words}</div>'


def _word(text: str, share: float, *, cue: bool) -> str:
    red, green, blue = TOWARDS if share >= 0 else AGAINST
    strength = min(0.6, 1.1 * abs(share))  # never so dark that black letters fall below a contrast of 4.5
    number = f"{abs(share):.2f}".removeprefix("0")
    colour = f"background:rgba({red},{green},{blue},{strength:.2f})"
    return (
        f'<span class="{"cue" if cue else "word"}" style="{colour}">'
        f"{escape(text)} <small>{'−' if share < 0 else ''}{number}</small></span>"
    )


def _shares_table(names: Sequence[str], weights: Sequence[Weights]) -> str:
    heads = ("share of Σ|score|", "baseline", "sentences", "negation's cue", "finding", "rest", "left out")
    rows = [
        (
            False,
            (
                escape(name),
                share.baseline,
                str(share.cue.n),
                figure(share.cue),
                figure(share.finding),
                figure(share.rest),
                str(share.incomplete),
            ),
        )
        for name, one in zip(names, weights, strict=True)
        for share in one.shares
    ]
    return table(heads, rows) + (
        '<p class="note">95 % intervals over sentences; baseline: what stands in the place of every word '
        "where the path begins. Left out: sentences whose gap stayed above 1 %.</p>"
    )


def _regions(diagnosis: Diagnosis) -> Iterator[str]:
    yield section(
        "Which region speaks",
        "Gradient maps of the image tower for each mention by itself, in images that show both findings "
        "of an “A but no B”; unwanted ones are striped. They show where the tower looks, not where it is.",
    )
    if diagnosis.regions.refused is not None:
        yield f'<p class="grey">{escape(diagnosis.regions.refused)}</p>'
    yield '<div class="regions">'
    for row in diagnosis.regions.rows:
        pictures = "".join(_region(region) for region in row.regions)
        told = f"“{escape(row.words)}” · image {row.image}"
        yield f'<figure><div class="both">{pictures}</div><figcaption>{told}</figcaption></figure>'
    yield "</div>"


def _region(region: Region) -> str:
    sign = "⊘" if region.negated else "●"
    words = f"{sign} {region.words}"
    return (
        f'<div><img alt="{escape(words)}" src="data:image/jpeg;base64,{region.jpeg}">'
        f'<small>{escape(words)} <span class="grey">cosine {region.score:.2f}</span></small></div>'
    )


def _failures(diagnosis: Diagnosis) -> Iterator[str]:
    names = names_of(diagnosis)
    yield section(
        "Where it goes wrong",
        "For each model the questions with the most violations, one for each excluded finding, and hits of "
        "the pool that went worst, by rank. ✗ shows what was excluded; thumbnails come from the archive.",
    )
    any_failure = False
    for way, title in (("sentence", "whole sentences"), ("parsed", "default method")):
        for model, found in enumerate(diagnosis.failures):
            rows = [row for row in found.rows if row.way == way]
            any_failure |= bool(rows)
            if rows:
                yield f"<h3>{escape(names[model])}, {title}</h3>"
                yield from map(_failure, rows)
    if not any_failure:
        yield "<p>No prompt had a hit that shows what was excluded.</p>"


def _failure(row: Failure) -> str:
    chips = "".join(f' <span class="chip">● {escape(words)}</span>' for words in row.wanted)
    chips += "".join(f' <span class="chip no">⊘ {escape(words)}</span>' for words in row.unwanted)
    hits = "".join(_hit(hit, asked=row.kind == "A but no B") for hit in row.hits)
    return (
        f'<div class="failure"><p class="asked"><b>“{escape(row.words)}”</b>{chips} '
        f'<span class="grey">{10 * row.wrong:.0f} of the first 10 show it · pool of {row.pool}</span></p>'
        f'<div class="hits">{hits}</div></div>'
    )


def _hit(hit: Shown, *, asked: bool) -> str:
    picture = (
        f'<img alt="image {hit.image}" src="data:image/jpeg;base64,{hit.jpeg}">'
        if hit.jpeg
        else '<div class="nothing"></div>'
    )
    wanted = f" · {'shows' if hit.wanted else 'lacks'} A" if asked else ""
    told = '<span class="bad">✗ shows it</span>' if hit.excluded else '<span class="good">✓ free of it</span>'
    where = f"{hit.rank}. score {hit.score:.3f}<br>image {hit.image}"
    return f"<figure>{picture}<figcaption>{told}{wanted}<br>{where}</figcaption></figure>"


def _reliability(diagnosis: Diagnosis) -> Iterator[str]:
    names = names_of(diagnosis)
    known = [found for found in diagnosis.reliability if found.rows]
    yield section(
        "Do probabilities mean what they say?",
        "Curves fitted on four fifths of the patients, held against the others, five times; each dot is a "
        "tenth of the images; on the dashed line a probability means what it says. ECE: calibration error.",
    )
    for found in known:
        yield f"<h3>{escape(names[found.model])}</h3><div class='curves'>"
        for row in found.rows:
            name = lexicon().finding(row.finding).name
            told = f"{escape(name)}<br>ECE {row.error:.3f}, n {row.images:,}"
            yield f"<figure>{reliability_curve(row)}<figcaption>{told}</figcaption></figure>"
        yield "</div>"
    without = [name for name, found in zip(names, diagnosis.reliability, strict=True) if not found.rows]
    if without:
        yield (
            f"<p>The archive holds no probability curves of {escape(', '.join(without))}; "
            "<code>medneg calibrate</code> fits them. Untested.</p>"
        )
