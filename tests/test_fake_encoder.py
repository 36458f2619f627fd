import numpy as np

from tests.fake_encoder import FakeEncoder


def test_fake_embeddings_are_unit_rows_and_repeatable():
    encoder = FakeEncoder()
    pictures = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    first, again = encoder.encode_images(pictures), FakeEncoder().encode_images(pictures)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-6)
    assert encoder.images_seen == 3


def test_fake_texts_count_words_and_not_their_order():
    one, other, different = FakeEncoder().encode_texts(["no effusion", "Effusion no", "effusion"])
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert float(one @ different) < 0.999
