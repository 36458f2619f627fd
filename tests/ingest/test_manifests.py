import pytest

from medneg.errors import ManifestError
from medneg.manifests import read_labels, read_reports, recognise
from medneg.phantom.truth import FINDINGS


def write(tmp_path, name, *lines):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_labels_of_a_phantom_give_every_state_and_the_header(tmp_path):
    columns = ["file", *FINDINGS, "patient", "study", "view", "sex", "age", "study_date", "lung_mass_side"]
    flags = ["1" if finding == "lung_mass" else "0" for finding in FINDINGS]
    cells = ["dicom/a.dcm", *flags, "P1", "1.2.3", "LATERAL", "F", "44", "2020-02-03", "left"]
    table = read_labels(write(tmp_path, "labels.csv", ",".join(columns), ",".join(cells)))
    row = table.row(str(tmp_path / "dicom" / "a.dcm"))
    expected = {finding: "present" if finding == "lung_mass" else "absent" for finding in FINDINGS}
    assert row.findings == expected
    assert (row.patient, row.view, row.sex, row.age, row.study_date) == (
        "P1", "LATERAL", "F", 44.0, "2020-02-03"
    )  # fmt: skip
    assert table.row(str(tmp_path / "a.dcm")) is None


def test_flags_may_be_uncertain_or_left_open(tmp_path):
    lines = ("file,pneumothorax,lung_mass,lung_nodule", "a.png,-1,,1.0")
    (row,) = read_labels(write(tmp_path, "t.csv", *lines)).rows.values()
    assert row.findings == {"pneumothorax": "uncertain", "lung_nodule": "present"}


def test_a_list_of_labels_is_open_unless_it_says_otherwise(tmp_path):
    path = write(
        tmp_path,
        "manifest.csv",
        "file,view,sex,age,patient,findings,no_finding,label_source",
        "a.png,AP supine,M,42.0,p1,Effusion|Pneumonia,0,NIH (closed world over 14 findings)",
        "b.png,PA,F,,p2,COVID-19;Effusion;Purple spots,0,diagnosis",
        "c.png,,,,,,1,diagnosis",
    )
    table = read_labels(path)
    a, b, c = table.rows.values()
    assert (a.view, a.sex, a.age, a.patient) == ("AP", "M", 42.0, "p1")
    assert (a.findings["pleural_effusion"], a.findings["pneumonia"], a.findings["pneumothorax"]) == (
        "present", "present", "absent"
    )  # fmt: skip
    assert b.findings["pleural_effusion"] == "present"
    assert "pneumothorax" not in b.findings
    assert set(c.findings.values()) == {"absent"}
    assert (c.view, c.sex, c.age, c.patient) == (None, None, None, None)
    assert table.unknown["Purple spots"] == 1


def test_chestxray14s_own_table_goes_by_file_name_and_is_a_closed_world(tmp_path):
    path = write(
        tmp_path,
        "Data_Entry_2017.csv",
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position",
        "00000001_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA",
        "00000002_000.png,No Finding,0,2,94,F,AP",
        "00000003_000.png,Hernia,0,3,414,F,AP",
    )
    table = read_labels(path)
    first = table.row("/anywhere/images_001/00000001_000.png")
    assert (first.patient, first.age, first.sex, first.view) == ("1", 58.0, "M", "PA")
    present = {finding for finding, state in first.findings.items() if state == "present"}
    assert present == {"cardiomegaly", "emphysema"}
    assert first.findings["pleural_effusion"] == "absent"
    second = table.row("00000002_000.png")
    assert set(second.findings.values()) == {"absent"}
    assert second.age == 90.0
    third = table.row("00000003_000.png")
    assert third.age is None
    assert (third.findings["hernia"], third.findings.get("hiatal_hernia")) == ("present", None)


def test_reports_are_read_by_study(tmp_path):
    path = write(tmp_path, "reports.csv", "study,report", '1.2.3,"Clear.\nNo effusion, no mass."', ",lost")
    assert read_reports(path) == {"1.2.3": "Clear.\nNo effusion, no mass."}


def test_nul_characters_are_dropped_for_no_database_keeps_them(tmp_path):
    path = write(tmp_path, "reports.csv", "study,report", "1.2\0.3,No\0 effusion.")
    assert read_reports(path) == {"1.2.3": "No effusion."}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("file,pneumothorax,anything", "flags"),
        ("file,findings", "list"),
        ("\ufefffile,findings", "list"),
        ("Image Index,Finding Labels", "nih"),
        ("study,report", "reports"),
        ("file,category,view", None),
        ("uid,findings,impression", None),
        ("", None),
    ],
)
def test_a_table_is_known_by_its_columns(tmp_path, line, kind):
    assert recognise(write(tmp_path, "t.csv", line)) == kind


def test_what_is_no_text_is_no_table(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00file,findings")
    assert recognise(tmp_path / "t.csv") is None
    with pytest.raises(ManifestError, match="is no table of labels: it needs the columns file and findings"):
        read_labels(tmp_path / "t.csv")
    with pytest.raises(ManifestError, match="is no table of reports: it needs the columns study and report"):
        read_reports(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("file,pneumothorax", "a.png,0", "b.png,yes"), "line 3: pneumothorax must be 1, 0, -1 "),
        (("file,findings", " ,Mass"), "line 2: it names no file"),
        (("file,findings", "a.png," + "x" * 200_000), "cannot be read as a CSV file in UTF-8"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path, lines, message):
    with pytest.raises(ManifestError, match=message):
        read_labels(write(tmp_path, "t.csv", *lines))
