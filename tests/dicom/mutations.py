"""DICOM files as bugs, broken discs and ill will make them: seeded mutations of whole files.

Every file carries a name that may come out nowhere, in all the text that it has. A mutation takes bytes and a
source of randomness and gives bytes; what it does stands in its name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from random import Random

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from tests.dicom.altering import (
    CANARY,
    PERSONAL,
    any_span,
    even,
    flipped,
    planted,
    raw_element,
    rewritten,
    set_raw,
    spans,
)

Mutation = Callable[[bytes, Random], bytes]
MUTATIONS: dict[str, Mutation] = {}

_PICTURE = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PixelData",
    "SOPClassUID",
    "Modality",
)
_CODES = (
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "PhotometricInterpretation",
    "ImageType",
    "PatientSex",
    "Grid",
    "Laterality",
    "PresentationLUTShape",
    "VOILUTFunction",
    "SpecificCharacterSet",
    "BurnedInAnnotation",
)
_NUMBERS = (
    "NumberOfFrames",
    "WindowCenter",
    "WindowWidth",
    "RescaleSlope",
    "RescaleIntercept",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "KVP",
    "PixelPaddingValue",
    "PatientAge",
    "ExposureIndex",
)
_ODD_NUMBERS = (
    *(b"", b"0", b"-1", b"1e308", b"-1e308\\1e308", b"1e-320", b"nan", b"inf", b"1e999", b"999999999999"),
    *(b"1\\" * 4000, b"0\\0", b"\xd9\xa1", b"0x10", b"1,5", b"--1", CANARY.encode(), b"\0\0\0\0", b" " * 64),
)
_ODD_WORDS = (0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 255, 4096, 32767, 32768, 65534, 65535)
_LENGTHS = (0, 1, 3, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, 0x10000000)
_VRS = (
    b"UN",
    b"SQ",
    b"OB",
    b"OW",
    b"UT",
    b"US",
    b"SS",
    b"DS",
    b"IS",
    b"PN",
    b"AT",
    b"FD",
    b"??",
    b"\0\0",
    b"ES",
)
_SYNTAXES = (
    *("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"),
    *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"),
    *("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"),
    *("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5", "1.2.3", CANARY, ""),
)


def mutated(sources: Sequence[bytes], *, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Files with the names of what was done to them: every mutation in turn, one time in four with another.

    Args:
        sources: whole DICOM files.
        count: how many files.
        seed: the same seed gives the same bytes.
    """
    names = list(MUTATIONS)
    for number in range(count):
        rng = Random(f"{seed} {number}")
        chosen = [names[number % len(names)], *rng.sample(names, rng.random() < 0.25)]
        raw = planted(rng.choice(sources), rng)
        for name in chosen:
            raw = MUTATIONS[name](raw, rng)
        yield f"{number:04} {' '.join(chosen)}", raw


def _mutation(function: Mutation) -> Mutation:
    MUTATIONS[function.__name__.strip("_")] = function
    return function


# What happens to bytes.


@_mutation
def _flip_bytes_of_the_header(raw: bytes, rng: Random) -> bytes:
    return flipped(raw, range(min(len(raw), 3000)), rng)


@_mutation
def _flip_bytes_of_the_pixels(raw: bytes, rng: Random) -> bytes:
    return flipped(raw, range(len(raw) // 2, len(raw)), rng)


@_mutation
def _flip_bytes_where_the_codestream_begins(raw: bytes, rng: Random) -> bytes:
    start = max(raw.find(b"\xff\x4f\xff\x51"), raw.find(b"\xff\xd8\xff"), raw.find(b"\xfe\xff\x00\xe0"))
    return flipped(raw, range(max(start, 0), min(len(raw), max(start, 0) + 80)), rng)


@_mutation
def _cut_the_file(raw: bytes, rng: Random) -> bytes:
    ends = [*(span[rng.randrange(3)] for span in spans(raw)), rng.randrange(len(raw) + 1), 128, 132, 140]
    return raw[: max(0, rng.choice(ends) + rng.randint(-3, 3))]


@_mutation
def _lose_a_block(raw: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(raw) + 1)
    return raw[:start] + raw[start + rng.choice((1, 2, 7, 64, 1000)) :]


@_mutation
def _repeat_a_block(raw: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(raw) + 1)
    return raw[:start] + raw[start : start + rng.choice((1, 8, 512))] * 2 + raw[start:]


@_mutation
def _blank_a_block(raw: bytes, rng: Random) -> bytes:
    start, size = rng.randrange(len(raw) + 1), rng.choice((4, 64, 4096))
    block = raw[start : start + size]
    return raw[:start] + rng.choice((b"\0", b"\xff")) * len(block) + raw[start + size :]


@_mutation
def _change_a_vr(raw: bytes, rng: Random) -> bytes:
    start, _, _ = any_span(raw, rng)
    return raw[: start + 4] + rng.choice(_VRS) + raw[start + 6 :]


@_mutation
def _change_a_length(raw: bytes, rng: Random) -> bytes:
    start, value, _ = any_span(raw, rng)
    wide = value - start == 12 or not raw[start + 4 : start + 6].isalpha()
    length = rng.choice(_LENGTHS)
    field = struct.pack("<I", length) if wide else struct.pack("<H", length & 0xFFFF)
    return raw[: value - len(field)] + field + raw[value:]


@_mutation
def _repeat_an_element(raw: bytes, rng: Random) -> bytes:
    start, _, end = any_span(raw, rng)
    return raw[:end] + raw[start:end] * rng.choice((1, 3, 500 if end - start < 64 else 1)) + raw[end:]


@_mutation
def _move_an_element(raw: bytes, rng: Random) -> bytes:
    (start, _, end), (there, _, _) = any_span(raw, rng), any_span(raw, rng)
    without = raw[:start] + raw[end:]
    return without[:there] + raw[start:end] + without[there:]


@_mutation
def _name_another_transfer_syntax(raw: bytes, rng: Random) -> bytes:
    start = raw.find(b"\x02\x00\x10\x00UI", 0, 2000)
    if start < 0:
        return flipped(raw, range(min(len(raw), 400)), rng)
    end = start + 8 + int.from_bytes(raw[start + 6 : start + 8], "little")
    uid = even(rng.choice(_SYNTAXES).encode())
    return raw[: start + 6] + struct.pack("<H", len(uid)) + uid + raw[end:]


@_mutation
def _nest_sequences(raw: bytes, rng: Random) -> bytes:
    start, _, _ = any_span(raw, rng)
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    opened = (b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff" + item) * rng.choice((3, 40, 400, 20_000))
    return raw[:start] + opened + raw[start:]


# What happens to elements.


@_mutation
def _leave_an_element_out(raw: bytes, rng: Random) -> bytes:
    return rewritten(raw, lambda dataset: dataset.pop(Tag(rng.choice(_PICTURE)), None))


@_mutation
def _put_odd_words_where_the_picture_is_described(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        for keyword in rng.sample(_PICTURE[:7], rng.choice((1, 2, 7))):
            words = [rng.choice(_ODD_WORDS) for _ in range(rng.choice((0, 1, 1, 1, 1, 2)))]
            set_raw(dataset, keyword, struct.pack(f"<{len(words)}H", *words))

    return rewritten(raw, change)


@_mutation
def _claim_a_vast_picture(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        rows, columns = rng.choice(((65535, 65535), (65535, 700), (7000, 7100), (50000, 1000), (1, 65535)))
        set_raw(dataset, "Rows", struct.pack("<H", rows))
        set_raw(dataset, "Columns", struct.pack("<H", columns))

    return rewritten(raw, change)


@_mutation
def _put_odd_numbers(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        for keyword in rng.sample(_NUMBERS, 3):
            set_raw(dataset, keyword, rng.choice(_ODD_NUMBERS))

    return rewritten(raw, change)


@_mutation
def _put_names_where_codes_belong(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        for keyword in rng.sample(_CODES, rng.choice((1, 1, 3))):
            set_raw(
                dataset,
                keyword,
                rng.choice((CANARY, "Zztop", "CHEST ZZTOP", "ZZTOP SECRET", "\x1b$B\\x")).encode(),
            )

    return rewritten(raw, change)


@_mutation
def _put_names_where_numbers_belong(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        for tag in rng.sample(list(dataset.keys()), min(8, len(dataset))):
            if tag != 0x7FE00010:
                set_raw(dataset, tag, CANARY.encode())

    return rewritten(raw, change)


@_mutation
def _put_odd_look_up_tables(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        item = Dataset()
        item.add_new(
            "LUTDescriptor", "US", [rng.choice(_ODD_WORDS) for _ in range(rng.choice((0, 1, 3, 3, 3, 5)))]
        )
        item.add_new(
            "LUTData", rng.choice(("OW", "OW", "UN")), rng.randbytes(rng.choice((0, 1, 2, 512, 8192)))
        )
        item.add_new("LUTExplanation", "LO", CANARY)
        dataset.add_new(
            rng.choice(("ModalityLUTSequence", "VOILUTSequence")), "SQ", [item] * rng.choice((1, 3))
        )

    return rewritten(raw, change)


@_mutation
def _put_private_elements(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        group = rng.choice((0x0009, 0x0029, 0x7FDF, 0x0001, 0xFFFF))
        for _ in range(rng.choice((1, 50))):
            tag = Tag(group, rng.randrange(0x10000))
            held = rng.choice((CANARY.encode(), rng.randbytes(20)))
            dataset._dict[tag] = raw_element(tag, rng.choice(("UN", "LO", "OB", "DS", "SQ", "PN")), held)

    return rewritten(raw, change)


@_mutation
def _put_odd_characters(raw: bytes, rng: Random) -> bytes:
    def change(dataset: Dataset) -> None:
        sets = (
            "ISO_IR 192",
            "ISO 2022 IR 87",
            "GB18030",
            "\\ISO 2022 IR 149",
            "ISO_IR 13",
            "utf8",
            "latin_1",
        )
        odd = (
            b"\x1b$B\x1b(B",
            "\u202e\ufeffZZTOP^SECRET".encode(),
            b"\xff\xfe\x00\xd8",
            b"=" * 200,
            b"^" * 63,
            b"\\" * 63,
        )
        for keyword in PERSONAL[1:]:  # the name stays, for the others to be compared with
            set_raw(dataset, keyword, rng.choice(odd))
        set_raw(dataset, "SpecificCharacterSet", rng.choice(sets).encode())

    return rewritten(raw, change)
