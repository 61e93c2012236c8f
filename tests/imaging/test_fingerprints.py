"""Equal pixels, equal prints; near-duplicates found, others not; blocks do not matter."""

import imagehash
import numpy as np
import pytest
from PIL import Image

from osteon.imaging.fingerprints import (
    content_hash,
    fingerprint_pixels,
    near_duplicates,
    perceptual_hashes,
)
from tests.dicom_makers import knee


def test_content_hash_sees_dtype_shape_and_every_pixel():
    image = knee(1)
    assert content_hash(image) == content_hash(np.asfortranarray(image))
    assert content_hash(image) == content_hash(image.astype(">u2"))
    other = image.copy()
    other[3, 4] += 1
    assert content_hash(image) != content_hash(other)
    assert content_hash(image) != content_hash(image.reshape(-1, image.shape[0]))
    assert content_hash(image) != content_hash(image.astype(np.int16))


def test_phash_is_imagehash_of_the_thumbnail():
    found = fingerprint_pixels(knee(3, (300, 280)))
    assert found.thumbnail.shape == (32, 32) and found.thumbnail.dtype == np.uint8
    assert found.phash == str(imagehash.phash(Image.fromarray(found.thumbnail)))
    assert len(found.phash) == 16 and len(found.content_hash) == 64


def test_many_thumbnails_are_hashed_as_imagehash_does_each():
    rng = np.random.default_rng(4)
    small = rng.integers(0, 256, (300, 32, 32), dtype=np.uint8)
    small[:100] //= 64  # ties about the median
    small[100:110] = small[100:110, :1, :1]  # flat
    small[110:150] = np.sort(small[110:150], axis=1)
    one_by_one = [int(str(imagehash.phash(Image.fromarray(one))), 16) for one in small]
    assert perceptual_hashes(small).tolist() == one_by_one
    assert perceptual_hashes(small[:0]).shape == (0,)


def test_hounsfield_and_colour_have_fingerprints_too():
    assert fingerprint_pixels(knee(1).astype(np.int16) - 1000).thumbnail.std() > 0
    assert fingerprint_pixels(np.zeros((50, 40, 3), np.uint8)).thumbnail.std() == 0


def test_copies_that_were_scaled_or_brightened_are_found():
    full = knee(5, (512, 400), 60000)
    noise = np.random.default_rng(0).normal(0, 300, full.shape)
    brighter = np.clip(full * 1.05 + 500 + noise, 0, 65535).astype(np.uint16)
    images = [full, knee(6, (512, 400), 60000), brighter, full[::2, ::2], knee(7, (512, 400))]
    prints = [fingerprint_pixels(image) for image in images]
    phashes = [one.phash for one in prints]
    pairs = near_duplicates(phashes, [one.thumbnail.tobytes() for one in prints])
    assert pairs.tolist() == [[0, 2], [0, 3], [2, 3]]


def test_equal_hash_is_not_enough_without_correlation():
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 256, (2, 32, 32)).astype(np.uint8)
    phashes = np.array([7, 7], np.uint64)
    assert len(near_duplicates(phashes, thumbnails)) == 0
    assert len(near_duplicates(phashes, thumbnails, min_correlation=-1.0)) == 1


def test_flat_thumbnails():
    thumbnails = np.stack([np.full((32, 32), value, np.uint8) for value in (0, 0, 9)])
    pairs = near_duplicates(np.zeros(3, np.uint64), thumbnails)
    assert pairs.tolist() == [[0, 1]]


@pytest.mark.parametrize("block", [1, 7, 50, 4096])
def test_blocks_do_not_change_the_pairs(block):
    rng = np.random.default_rng(1)
    phashes = rng.integers(0, 64, 60).astype(np.uint64)
    thumbnails = np.repeat(rng.integers(0, 256, (1, 32, 32)), 60, axis=0).astype(np.uint8)
    expected = [
        [i, j]
        for i in range(60)
        for j in range(i + 1, 60)
        if int(phashes[i] ^ phashes[j]).bit_count() <= 2
    ]
    assert near_duplicates(phashes, thumbnails, 2, block=block).tolist() == expected


@pytest.mark.parametrize("block", [1, 7, 4096])
@pytest.mark.parametrize("across", [0, 1, 25, 60])
def test_pairs_across_two_lists_are_those_of_all_that_cross(block, across):
    rng = np.random.default_rng(1)
    phashes = rng.integers(0, 64, 60).astype(np.uint64)
    thumbnails = np.repeat(rng.integers(0, 256, (1, 32, 32)), 60, axis=0).astype(np.uint8)
    every = near_duplicates(phashes, thumbnails, 2).tolist()
    crossing = [[one, other] for one, other in every if one < across <= other]
    found = near_duplicates(phashes, thumbnails, 2, block=block, across=across)
    assert found.tolist() == crossing


def test_ten_thousand_images_are_compared_at_once():
    rng = np.random.default_rng(2)
    phashes = rng.integers(0, 2**63, 10_000).astype(np.uint64)
    thumbnails = rng.integers(0, 256, (10_000, 1024)).astype(np.uint8)
    phashes[9_999], thumbnails[9_999] = phashes[12], thumbnails[12]
    assert near_duplicates(phashes, thumbnails).tolist() == [[12, 9_999]]


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="thumbnails"):
        near_duplicates(["00" * 8], np.zeros((2, 1024), np.uint8))
    with pytest.raises(ValueError, match="max_distance"):
        near_duplicates(["00" * 8], np.zeros((1, 1024), np.uint8), 65)
    assert near_duplicates([], []).shape == (0, 2)
