"""Invented people and hospitals, written in several scripts: something for de-identification to remove.

None of them exists. A person name is written in DICOM's way, ``family^given``; names in scripts of East
Asia have three groups, ``Latin=ideographic=phonetic`` (PS3.5, 6.2.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.random import Generator

from medneg.phantom.truth import Sex


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where a hospital stands.

    Attributes:
        charset: DICOM Specific Character Set, one value or several (PS3.3, C.12.1.1.2); () leaves it out.
        share: of all patients.
        families: family names, each in as many groups as the region writes.
        given: given names by sex, in the same groups.
        hospitals: names of institutions.
        city: for the institution's address.
    """

    charset: tuple[str, ...]
    share: float
    families: tuple[str, ...]
    given: Mapping[Sex, tuple[str, ...]]
    hospitals: tuple[str, ...]
    city: str


REGIONS = (
    Region(
        charset=(),
        share=0.12,
        families=("Fernwick", "Oakbury", "Tarnhollow", "Penstock", "Quillby", "Marlstone"),
        given={"F": ("Edda", "Maude", "Thora", "Willa"), "M": ("Amos", "Barnaby", "Cuthbert", "Rufus")},
        hospitals=("Fernmoor Infirmary", "Saint Elsewhere Hospital"),
        city="Fernmoor",
    ),
    Region(
        charset=("ISO_IR 100",),
        share=0.40,
        families=("Müßig", "Grünwälder", "Béranger", "Ibáñez", "Sjöholm", "Løvgren", "Bröll", "Façonnier"),
        given={"F": ("Zoë", "Jördis", "Inés", "Océane"), "M": ("Björn", "André", "Íñigo", "Jürg")},
        hospitals=("Klinikum Ährental", "Hôpital Sainte-Ombre", "Hospital de la Peña Fría"),
        city="Ährental",
    ),
    Region(
        charset=("ISO_IR 192",),
        share=0.16,
        families=("Wiśniowiecka", "Žďárský", "Nguyễn-Đá", "Παπαθαλασσινός", "Şimşekoğlu", "अरण्यवासी"),
        given={"F": ("Łucja", "Ánh", "Ευδοκία", "Çiğdem"), "M": ("Ňáša", "Đức", "Θρασύβουλος", "Uğur")},
        hospitals=("Szpital Świętej Mgły", "Νοσοκομείο Αγίας Ομίχλης", "Bệnh viện Sương Mù"),
        city="Mgława",
    ),
    Region(
        charset=("", "ISO 2022 IR 87"),
        share=0.12,
        families=("Kasumino=霞野=かすみの", "Tsukimori=月森=つきもり", "Amagawa=雨川=あまがわ"),
        given={
            "F": ("Hanako=花子=はなこ", "Yukie=雪江=ゆきえ"),
            "M": ("Tarou=太郎=たろう", "Seiji=星児=せいじ"),
        },
        hospitals=("霞町架空病院", "月森総合病院"),
        city="霞町",
    ),
    Region(
        charset=("ISO_IR 144",),
        share=0.10,
        families=("Туманов", "Озёрский", "Лесниченко", "Зимородок"),
        given={"F": ("Аглая", "Ефросинья", "Любава"), "M": ("Архип", "Ермолай", "Савелий")},
        hospitals=("Туманная больница", "Клиника Озёрного края"),
        city="Озёрск-Дальний",
    ),
    Region(
        charset=("ISO 2022 IR 6", "ISO 2022 IR 149"),
        share=0.05,
        families=("Angae=安介=안개", "Byeolbit=別光=별빛"),
        given={"F": ("Dalnim=月任=달님",), "M": ("Haneul=河律=하늘", "Baram=波藍=바람")},
        hospitals=("안개병원", "별빛의료원"),
        city="안개시",
    ),
    Region(
        charset=("ISO_IR 126",),
        share=0.05,
        families=("Ομιχλίδης", "Θαλασσινός", "Βροχόπουλος"),
        given={"F": ("Ευρυδίκη", "Κλειώ"), "M": ("Αρίσταρχος", "Φαίδων")},
        hospitals=("Κλινική Ομίχλης",),
        city="Ομίχλη",
    ),
)


def choose_region(rng: Generator) -> Region:
    """One region, by its share."""
    return REGIONS[int(rng.choice(len(REGIONS), p=[region.share for region in REGIONS]))]


def person_name(region: Region, sex: Sex, rng: Generator) -> str:
    """An invented name in DICOM's form.

    Example:
        >>> import numpy as np
        >>> person_name(REGIONS[3], "F", np.random.default_rng(2)).count("=")
        2
    """
    family = str(rng.choice(region.families)).split("=")
    given = str(rng.choice(region.given[sex])).split("=")
    return "=".join(f"{one}^{other}" for one, other in zip(family, given, strict=True))


def physician_name(region: Region, rng: Generator) -> str:
    """An invented colleague, of either sex."""
    return person_name(region, "F" if rng.random() < 0.5 else "M", rng)
