import os
import stat

import pytest
from sqlalchemy import create_engine, text

from medneg.archive import Archive
from medneg.archive.places import locate
from medneg.errors import ArchiveError


def test_a_missing_archive_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(ArchiveError, match=r"there is no archive at .*; make one with `medneg ingest"):
        Archive.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_create_makes_database_and_private_key_and_open_finds_them(tmp_path):
    with Archive.open(tmp_path / "a", create=True) as made:
        key = made.pseudonym_key
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / "a" / "pseudonym.key").stat().st_mode) == 0o600
    assert {"archive.db", "pseudonym.key"} <= set(os.listdir(tmp_path / "a"))
    with Archive.open(tmp_path / "a") as opened:
        assert opened.pseudonym_key == key
    with Archive.open(tmp_path / "a", create=True) as again:
        assert again.pseudonym_key == key


def test_two_archives_have_different_keys(tmp_path):
    with Archive.open(tmp_path / "a", create=True) as a, Archive.open(tmp_path / "b", create=True) as b:
        assert a.pseudonym_key != b.pseudonym_key


def test_a_lost_key_is_an_error_with_advice(tmp_path):
    Archive.open(tmp_path, create=True).close()
    (tmp_path / "pseudonym.key").unlink()
    for create in (False, True):
        with pytest.raises(ArchiveError, match=r"has no readable pseudonym key .* restore that file from a"):
            Archive.open(tmp_path, create=create)


def test_another_archives_key_is_refused(tmp_path):
    Archive.open(tmp_path, create=True).close()
    (tmp_path / "pseudonym.key").write_bytes(b"x" * 32)
    with pytest.raises(ArchiveError, match="is not the pseudonym key that the archive"):
        Archive.open(tmp_path)


def test_a_cut_key_is_refused(tmp_path):
    Archive.open(tmp_path, create=True).close()
    (tmp_path / "pseudonym.key").write_bytes(b"short")
    with pytest.raises(ArchiveError, match="holds 5 bytes where a pseudonym key has 32"):
        Archive.open(tmp_path)


def test_a_folder_that_was_begun_and_not_finished_can_be_finished(tmp_path):
    (tmp_path / "archive.db").touch()
    with pytest.raises(ArchiveError, match="there is no archive"):
        Archive.open(tmp_path)
    with Archive.open(tmp_path, create=True) as archive:
        assert archive.problems() == ()


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "archive.db").write_bytes(b"hello world" * 1000)
    with pytest.raises(ArchiveError, match="holds a file that is no database"):
        Archive.open(tmp_path)


def test_any_sqlalchemy_url_is_an_archive(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = f"sqlite:///{tmp_path}/some.db"
    with pytest.raises(ArchiveError, match="there is no archive"):
        Archive.open(url)
    with Archive.open(url, create=True) as made:
        key = made.pseudonym_key
    with Archive.open(url) as opened:
        assert opened.pseudonym_key == key
    (kept,) = (tmp_path / "data" / "medneg").glob("*/pseudonym.key")
    assert kept.read_bytes() == key


def test_a_password_is_never_shown():
    url = "postgresql://reader:secret@localhost:1/films"
    place = locate(url)
    assert "secret" not in place.shown
    assert place.key_file == locate(url.replace("secret", "other")).key_file
    assert place.key_file == locate(url.replace(":secret", "")).key_file
    with pytest.raises(ArchiveError) as caught:
        Archive.open(url)
    assert "secret" not in str(caught.value)


def test_a_malformed_url_is_told_without_its_text():
    with pytest.raises(ArchiveError, match="is no SQLAlchemy URL") as caught:
        Archive.open("postgresql ://reader:secret@localhost/films")
    assert "secret" not in str(caught.value)


def test_a_newer_schema_is_refused_with_advice(tmp_path):
    Archive.open(tmp_path, create=True).close()
    engine = create_engine(f"sqlite:///{tmp_path}/archive.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ArchiveError, match=r"has schema '9999', newer than this medneg, .*update medneg"):
        Archive.open(tmp_path)
