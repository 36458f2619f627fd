"""Where the time of one file goes, by stage and by file type, in processor time of one core."""

import statistics
import time
from pathlib import Path

import gdcm
import numpy as np
import pytest
import torch
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from medneg import encoders
from medneg.archive import Archive, NewImage
from medneg.dicom import admission, prepare, read, reader, stored
from medneg.dicom.dataset import open_header, tolerance
from medneg.dicom.greyscale import grey_scale
from medneg.ingest.decoding import Job, make_thumbnail, read_file
from medneg.phantom.writer import write
from tests.bench.test_bench_ingest import BATCH
from tests.dicom.conftest import new_dataset

KEY = b"k" * 32
TIMES = 5
REAL = Path(__file__).parents[3] / "shared" / "real"
SIZES = {"512²": (512, 512), "2048 × 1760": (2048, 1760), "3000 × 2500": (3000, 2500)}
STAGES = ("hash", "header", "decode", "grey", "resize", "thumbnail", "whole")

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A phantom's picture as a detector would give it: 12 bits with noise."""
    folder = tmp_path_factory.mktemp("drawn")
    write(folder, studies=1, seed=5, workers=0)
    return read(sorted(folder.rglob("*.dcm"))[0], key=KEY).pixels


@pytest.fixture(scope="module")
def files(drawn, tmp_path_factory):
    """By name, a file of every size and compression, and some real ones where they are."""
    folder, found = tmp_path_factory.mktemp("files"), {}
    for size, (rows, columns) in SIZES.items():
        smooth = np.asarray(Image.fromarray(drawn).resize((columns, rows), Image.Resampling.BICUBIC))
        noise = np.random.default_rng(1).normal(0, 8, smooth.shape)
        pixels = np.clip(smooth * 3800 + 100 + noise, 0, 4095).astype(np.uint16)
        plain = new_dataset(pixels, BitsStored=12, WindowCenter="2048", WindowWidth="4000")
        found[f"uncompressed {size}"] = saved(plain, folder / f"{rows}.dcm")
        found[f"JPEG lossless {size}"] = jpeg_lossless(folder / f"{rows}.dcm", folder / f"{rows}-jpeg.dcm")
        for name, syntax in {"RLE": RLELossless, "JPEG 2000": JPEG2000Lossless}.items():
            packed = new_dataset(pixels, BitsStored=12, WindowCenter="2048", WindowWidth="4000")
            packed.compress(syntax)
            found[f"{name} {size}"] = saved(packed, folder / f"{rows}-{name}.dcm")
    for path in sorted((REAL / "dicom" / "chest").glob("*")):
        found[f"real: {path.name[:24]}"] = path
    return found


def saved(dataset, path):
    dataset.save_as(path, enforce_file_format=True)
    return path


def jpeg_lossless(source, target):
    """Compress a file as most PACS do: JPEG, lossless, first-order prediction."""
    pictures, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    pictures.SetFileName(str(source))
    assert pictures.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(pictures.GetImage())
    assert change.Change()
    writer.SetFileName(str(target))
    writer.SetFile(pictures.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


def test_the_time_of_a_file_by_stage(files, capsys):
    torch.set_num_threads(1)
    tower = encoders.load("phantom")
    lines = [f"{'file':32}" + "".join(f"{stage:>11}" for stage in STAGES) + "   files/s a core"]
    for name, path in files.items():
        spent = stages(path, tower.card.input)
        rest = "".join(f"{spent[stage]:8.1f} ms" for stage in STAGES)
        lines.append(f"{name:32}{rest}   {1000 / spent['whole']:7.1f}")
    pictures = np.random.default_rng(2).random((BATCH, *[tower.card.input.size] * 2), np.float32)
    encode = median(lambda: tower.encode_images(pictures)) / BATCH
    lines.append(f"{tower.card.name} encodes a picture in {encode:.1f} ms: {1000 / encode:.1f}/s a core")
    with capsys.disabled():
        print("", *lines, f"medians of {TIMES} runs, processor time", sep="\n")


def stages(path, spec):
    """Milliseconds by stage; "whole" is what a worker does, measured on its own."""
    with tolerance():
        dataset = opened(path)
        layout = stored.layout(dataset)
        cells = stored.decode(dataset, layout)
        spent = {
            "header": median(lambda: reader._fields(opened(path), reader.Source(path, "DICOM"), KEY)),
            "decode": median(lambda: stored.decode(dataset, layout)),
            "grey": median(lambda: grey_scale(cells, dataset, layout)),
        }
    radiograph = read(path, key=KEY)
    job = Job(path=str(path), key=KEY, spec=spec)
    return spent | {
        "hash": median(lambda: reader._digest(path)),
        "resize": median(lambda: prepare(radiograph, spec)),
        "thumbnail": median(lambda: make_thumbnail(radiograph)),
        "whole": median(lambda: read_file(job)),
    }


def opened(path):
    with open_header(path) as file:
        admission.admit(file.header)
        return file.read_pixels()


def median(work):
    """Processor time in milliseconds."""
    return 1000 * statistics.median(once(work) for _ in range(TIMES))


def once(work):
    began = time.process_time()
    work()
    return time.process_time() - began


def test_what_storing_a_batch_costs(location, drawn, capsys):
    rng = np.random.default_rng(4)
    tower = encoders.load("phantom")
    thumbnail, batches = rng.bytes(8000), 12
    radiographs = [new_image(number, rng, tower, thumbnail) for number in range(batches * BATCH)]
    with Archive.open(location, create=True) as archive:
        archive.register(tower.card)
        spent = []
        for start in range(0, len(radiographs), BATCH):
            began = time.perf_counter()
            archive.store(tower.card.image_fingerprint, images=radiographs[start : start + BATCH])
            spent.append(time.perf_counter() - began)
    each = 1000 * statistics.median(spent)
    engine = "PostgreSQL" if "://" in str(location) else "SQLite"
    with capsys.disabled():
        print(
            f"\n{engine}: a batch of {BATCH} is stored in {each:.1f} ms, {1000 * BATCH / each:.0f} images/s"
        )


def new_image(number, rng, tower, thumbnail):
    from medneg.archive import FileStamp
    from medneg.values import Radiograph

    vector = rng.normal(size=tower.card.width).astype(np.float32)
    name = f"{number:016x}"
    return NewImage(
        file=FileStamp(path=f"/films/{number}.dcm", sha256=f"{number:064x}", size=1, mtime_ns=1),
        radiograph=Radiograph(
            pixels=np.zeros((1, 1), np.float32), patient=name, study=name, image=name, view="PA", age=50.0
        ),
        rows=3000,
        columns=2500,
        vector=vector / np.linalg.norm(vector),
        thumbnail=thumbnail,
    )
