"""Captions as people write them under radiographs: they mostly name what is there.

A caption comes with what it claims, so that its truth of any other picture is known: "left effusion" is
true of every picture with an effusion on the left. Words come from the lexicon, wider concepts included.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from numpy.random import Generator

from medneg.phantom.truth import FINDINGS, FindingTruth, Picture
from medneg.query.lexicon import lexicon

NEGATED_SHARE = 0.005
"""Captions that also say what is not there. Few, as under the pictures that CLIPs learn from; here each is
exact, so that a share of 0.025 already taught the text tower to heed "no" (the model card has figures)."""

WIDER_SHARE = 0.22
"""Mentions that use the word for a wider concept ("calcification"), where the lexicon has one."""

BARE_SHARE = 0.015
"""Captions that only say that it is a chest radiograph, which is true of all."""

SIDED_SHARE = 0.4
"""Mentions that say on which side a finding is, where it has one."""

OFTEN = {
    "pleural_effusion": ("effusion", "pleural effusion"),
    "pulmonary_edema": ("edema", "pulmonary edema"),
    "lung_nodule": ("nodule", "lung nodule", "pulmonary nodule"),
    "lung_mass": ("mass", "lung mass"),
    "cardiomegaly": ("cardiomegaly", "enlarged heart"),
    "calcified_granuloma": ("calcified granuloma", "granuloma"),
    "aortic_calcification": ("aortic calcification", "calcified aorta", "calcified aortic knob"),
    "central_venous_catheter": ("central line", "central venous catheter", "picc line"),
    "endotracheal_tube": ("endotracheal tube", "et tube"),
    "rib_fracture": ("rib fracture", "fracture"),
}
"""Words used more often than the lexicon's other synonyms."""

WIDER = {
    "calcified_granuloma": (
        "calcification",
        "calcification",
        "calcification",
        "lung_calcification",
        "granuloma",
    ),
    "aortic_calcification": ("calcification", "calcification", "calcification", "vascular_calcification"),
    "central_venous_catheter": ("line", "support_device", "support_device"),
    "endotracheal_tube": ("tube", "support_device", "support_device"),
    "pacemaker": ("cardiac_device", "support_device", "support_device"),
    "lung_nodule": ("lung_lesion", "lung_opacity"),
    "lung_mass": ("lung_lesion", "lung_opacity"),
}
"""Wider concepts by the weight they get; for other findings, every ancestor in the lexicon alike."""

SIZES = {
    "small": ("small", "tiny", "mild", "minimal", "slight"),
    "moderate": ("moderate", "medium sized", "moderately sized"),
    "large": ("large", "big", "massive", "severe", "extensive"),
}
ZONES = {
    "upper": ("{side} upper lobe", "{side} upper zone", "{side} upper lung"),
    "middle": ("{side} mid zone", "{side} mid lung", "{side} middle zone"),
    "lower": ("{side} lower lobe", "{side} lower zone", "{side} lower lung"),
    "apical": ("{side} apex", "{side} apical region"),
    "basal": ("{side} base", "{side} lung base"),
    "perihilar": ("{side} perihilar region", "{side} hilum"),
}

CARRIERS = (
    "chest x-ray showing {}",
    "chest x-ray with {}",
    "chest radiograph with {}",
    "a chest radiograph showing {}",
    "radiograph of the chest demonstrating {}",
    "frontal chest film with {}",
    "an x-ray of {}",
    "x-ray image of a patient with {}",
    "patient with {}",
    "there is {}",
    "there is evidence of {}",
    "findings consistent with {}",
    "{} is seen",
    "{} is present",
    "{} noted",
    "{} is again noted",
    "impression: {}",
    "findings: {}",
    "images that show {}",
    "show me {}",
    "cxr: {}",
    "the image shows {}",
    "signs of {}",
    "known {}",
    "stable {}",
    "new {}",
)
NORMAL = (
    "normal chest",
    "normal chest x-ray",
    "normal chest radiograph",
    "unremarkable chest",
    "normal study",
    "clear lungs",
    "the lungs are clear",
    "normal heart and lungs",
    "heart size is normal and the lungs are clear",
    "healthy chest",
)
BARE = ("chest x-ray", "chest radiograph", "frontal chest film", "x-ray of the chest", "cxr")
DENIALS = ("no {}", "no evidence of {}", "without {}", "there is no {}", "no {} is seen", "{} is absent")
ALL_CLEAR = ("no acute findings", "no acute cardiopulmonary process", "no abnormality")
NEGATIONS = ("no", "without", "absent")
"""Every word with which a caption denies something."""

_JOINTS = (" and ", " with ", ", ", " and ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One thing a caption says is there: one of ``findings``, with what else it says of it."""

    findings: frozenset[str]
    side: str | None = None
    size: str | None = None
    place: str | None = None

    def holds(self, picture: Picture) -> bool:
        """Whether it is true of a picture; a finding on both sides is also on the left."""
        return any(self._fits(truth) for truth in picture.findings)

    def _fits(self, truth: FindingTruth) -> bool:
        both = truth.side == "bilateral" and self.side in ("left", "right")
        return (
            truth.finding in self.findings
            and (self.side is None or self.side == truth.side or both)
            and self.size in (None, truth.size)
            and self.place in (None, truth.place)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A sentence and what it claims. ``negated`` when it also denies something.

    Without claims it is true of every picture ("chest x-ray"), or of normal ones when it says ``normal``.
    """

    text: str
    claims: tuple[Claim, ...] = ()
    negated: bool = False
    normal: bool = False

    def holds(self, picture: Picture) -> bool:
        """Whether all its claims are true of a picture; what it denies is not looked at."""
        if self.normal:
            return not picture.findings
        return all(claim.holds(picture) for claim in self.claims)


def caption(picture: Picture, rng: Generator) -> Caption:
    """Write one caption that is true of the picture."""
    negated = rng.random() < NEGATED_SHARE
    if rng.random() < BARE_SHARE:
        return Caption(text=_cased(_pick(BARE, rng), rng))
    if not picture.findings:
        words = _pick(ALL_CLEAR if negated else NORMAL, rng)
        return Caption(text=_cased(words, rng), negated=negated, normal=True)
    told = [_mention(truth, rng) for truth in _chosen(picture, rng)]
    words = told[0][0] + "".join(_pick(_JOINTS, rng) + phrase for phrase, _ in told[1:])
    carried = words if rng.random() < 0.4 else _pick(CARRIERS, rng).format(words)
    if rng.random() < 0.08:
        carried = f"{_person(picture)}, {carried}"
    if negated:
        carried = f"{carried}. {_denial(picture, rng)}"
    claims = tuple(claim for _, claim in told)
    return Caption(text=_cased(carried, rng), claims=claims, negated=negated)


@lru_cache(maxsize=256)
def words_for(concept: str) -> tuple[str, ...]:
    """What a concept of the lexicon is called: its name, its prompt, its synonyms."""
    finding = lexicon().finding(concept)
    words = dict.fromkeys((finding.name, finding.prompt, *finding.synonyms))
    return tuple(word for word in words if not set(word.split()) & {"no", "non", "not", "without"})


@lru_cache(maxsize=256)
def shown_by(concept: str) -> frozenset[str]:
    """The phantom findings that are a concept or a kind of it."""
    return frozenset({concept, *lexicon().descendants(concept)} & set(FINDINGS))


def _chosen(picture: Picture, rng: Generator) -> list[FindingTruth]:
    """One, two or three of the findings, seldom all, in any order."""
    count = int(rng.choice([1, 2, 3, 99], p=[0.58, 0.24, 0.08, 0.1]))
    order = rng.permutation(len(picture.findings))[:count]
    return [picture.findings[index] for index in order]


def _mention(truth: FindingTruth, rng: Generator) -> tuple[str, Claim]:
    concept = _concept(truth.finding, rng)
    often = OFTEN.get(concept, (words_for(concept)[0],))
    word = _pick(often if rng.random() < 0.5 else words_for(concept), rng)
    side = truth.side if truth.side in ("left", "right", "bilateral") and rng.random() < SIDED_SHARE else None
    size = truth.size if truth.size and rng.random() < 0.15 else None
    placed = side in ("left", "right") and truth.place in ZONES and rng.random() < 0.4
    claim = Claim(findings=shown_by(concept), side=side, size=size, place=truth.place if placed else None)
    return _phrase(word, claim, rng), claim


def _concept(finding: str, rng: Generator) -> str:
    wider = WIDER.get(finding) or lexicon().ancestors(finding)
    return _pick(wider, rng) if wider and rng.random() < WIDER_SHARE else finding


def _phrase(word: str, claim: Claim, rng: Generator) -> str:
    phrase = f"{_pick(SIZES[claim.size], rng)} {word}" if claim.size else word
    if claim.place and claim.side:
        return f"{phrase} in the {_pick(ZONES[claim.place], rng).format(side=claim.side)}"
    if claim.side == "bilateral":
        return f"bilateral {phrase}" if rng.random() < 0.7 else f"{phrase} on both sides"
    if claim.side:
        form = ("{side} {phrase}", "{side} {phrase}", "{side}-sided {phrase}", "{phrase} on the {side}")
        return _pick(form, rng).format(side=claim.side, phrase=phrase)
    if rng.random() < 0.08:
        return f"{phrase}s"
    return f"a {phrase}" if rng.random() < 0.08 else phrase


def _denial(picture: Picture, rng: Generator) -> str:
    absent = [name for name in FINDINGS if picture.find(name) is None]
    return _pick(DENIALS, rng).format(_pick(words_for(_pick(absent, rng)), rng))


def _person(picture: Picture) -> str:
    sex = "woman" if picture.person.sex == "F" else "man"
    return f"{picture.technique.view.lower()} chest radiograph of a {picture.person.age}-year-old {sex}"


def _cased(text: str, rng: Generator) -> str:
    return text[0].upper() + text[1:] + "." if rng.random() < 0.4 else text


def _pick(choices: tuple[str, ...] | list[str], rng: Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
