from medneg.archive import NewRejection
from tests.archive.new_images import SPACE, new_image, stamp

FILMS = tuple(f"/films/{number}.dcm" for number in range(4))


def test_what_one_has_claimed_no_other_gets(archive):
    assert archive.claim(SPACE, FILMS[:2], owner="a", seconds=60) == set(FILMS[:2])
    assert archive.claim(SPACE, FILMS, owner="b", seconds=60) == set(FILMS[2:])
    assert archive.claim(SPACE, FILMS, owner="a", seconds=60) == set(FILMS[:2])
    assert archive.claim("another space", FILMS, owner="b", seconds=60) == set(FILMS)


def test_a_claim_ends_with_its_time_with_its_owner_or_by_his_will(archive):
    archive.claim(SPACE, FILMS, owner="a", seconds=-1)
    assert archive.claim(SPACE, FILMS, owner="b", seconds=60) == set(FILMS)
    assert archive.claim(SPACE, FILMS, owner="c", seconds=60, gone=lambda owner: owner == "b") == set(FILMS)
    archive.release("c")
    assert archive.claim(SPACE, FILMS, owner="d", seconds=60) == set(FILMS)


def test_a_claim_is_prolonged_whenever_its_owner_claims_more(archive):
    archive.claim(SPACE, FILMS[:1], owner="a", seconds=-1)
    archive.claim(SPACE, FILMS[1:2], owner="a", seconds=60)
    assert archive.claim(SPACE, FILMS, owner="b", seconds=60) == set(FILMS[2:])


def test_a_claim_ends_when_its_file_is_stored_and_not_when_its_twin_is_gone(archive):
    archive.claim(SPACE, FILMS, owner="a", seconds=60)
    archive.store(
        SPACE,
        images=[new_image(0)],
        twins=[stamp("1.dcm", "content that nobody has")],
        rejected=[NewRejection(path=FILMS[2], size=1, mtime_ns=1, reason="broken")],
    )
    assert archive.claim(SPACE, FILMS, owner="b", seconds=60) == {FILMS[0], FILMS[2]}


def test_what_the_dead_have_claimed_goes_with_the_next_release(archive):
    archive.claim(SPACE, FILMS[:1], owner="dead", seconds=60)
    archive.claim(SPACE, FILMS[1:2], owner="late", seconds=-1)
    archive.claim(SPACE, FILMS[2:3], owner="alive", seconds=60)
    archive.release("me", gone=lambda owner: owner == "dead")
    assert archive.claim(SPACE, FILMS, owner="me", seconds=60) == {FILMS[0], FILMS[1], FILMS[3]}
