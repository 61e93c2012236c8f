"""Fingerprints of an image: exact (SHA-256), perceptual (64-bit pHash) and a small thumbnail.

The perceptual hash finds candidates for near-duplicates; the correlation of thumbnails confirms
them. Both are taken from the same 32 x 32 picture, so an image is reduced once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osteon.imaging.picture import Array

SIDE = 32
CT_LOW, CT_HIGH = -450.0, 1050.0
"""HU range that a CT thumbnail shows: bone window, level 300, width 1500."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells an image apart.

    Attributes:
        content_hash: SHA-256 of dtype, shape and pixels, 64 hex digits.
        phash: perceptual hash, 16 hex digits.
        thumbnail: (32, 32) uint8.
    """

    content_hash: str
    phash: str
    thumbnail: NDArray[np.uint8]


def fingerprint_pixels(image: Array) -> Fingerprint:
    """All three fingerprints of an image as the archive keeps it.

    Args:
        image: (H, W) uint16 display values, (H, W) int16 HU or (H, W, 3) uint8.
    """
    small = thumbnail(image)
    return Fingerprint(content_hash(image), perceptual_hash(small), small)


def content_hash(image: Array) -> str:
    """SHA-256 over dtype, shape and the little-endian C-order bytes; 64 hex digits."""
    plain = np.ascontiguousarray(image, image.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{plain.dtype.str}{plain.shape}".encode())
    digest.update(plain.data)
    return digest.hexdigest()


def thumbnail(image: Array) -> NDArray[np.uint8]:
    """A (32, 32) uint8 picture of an image, aspect not kept.

    A large image is first thinned to at least 256 pixels a side: 8 x 8 samples or more still go
    into each thumbnail pixel, and the cost no longer grows with the image.
    """
    rows, columns = max(1, image.shape[0] // 256), max(1, image.shape[1] // 256)
    thin = image[::rows, ::columns]
    if thin.ndim == 3:
        grey = Image.fromarray(np.ascontiguousarray(thin)).convert("L")
    elif thin.dtype == np.uint16:
        grey = Image.fromarray((thin >> 8).astype(np.uint8))
    else:
        window = (thin.astype(np.float32) - CT_LOW) * (255.0 / (CT_HIGH - CT_LOW))
        grey = Image.fromarray(np.clip(window, 0.0, 255.0).astype(np.uint8))
    return np.array(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def perceptual_hash(small: NDArray[np.uint8]) -> str:
    """pHash (imagehash: signs of the 8 x 8 lowest DCT terms about their median), 16 hex digits."""
    return str(imagehash.phash(Image.fromarray(small)))


def near_duplicates(
    phashes: Sequence[str] | NDArray[np.uint64],
    thumbnails: Sequence[bytes] | NDArray[np.uint8],
    max_distance: int = 4,
    min_correlation: float = 0.99,
    block: int = 1024,
    across: int | None = None,
) -> NDArray[np.int64]:
    """Pairs of images that look the same.

    Args:
        phashes: N hashes, 16 hex digits each or uint64.
        thumbnails: N thumbnails, 1024 bytes each or an array of N x 1024 values in any shape.
        max_distance: Hamming distance up to which a pair is a candidate, 0..64.
        min_correlation: Pearson correlation of the thumbnails that confirms it. Two flat
            thumbnails correlate only if they are equal.
        block: rows compared at once; memory is block x N x 8 bytes.
        across: only pairs of one of so many first images with one of the others; None = all pairs.

    Returns:
        (K, 2) int64 row numbers, first < second, sorted.

    Raises:
        ValueError: different numbers of hashes and thumbnails, or a distance out of range.
    """
    hashes = _as_uint64(phashes)
    small = _as_matrix(thumbnails)
    if len(hashes) != len(small):
        raise ValueError(f"thumbnails: {len(small)} of them, but {len(hashes)} phashes")
    if not 0 <= max_distance <= 64:
        raise ValueError(f"max_distance: {max_distance} is not in 0..64")
    found = [np.empty((0, 2), np.int64)]
    last = len(hashes) if across is None else across
    for start in range(0, last, block):
        rows, begin = hashes[start : min(start + block, last)], start if across is None else across
        distance = np.bitwise_count(rows[:, None] ^ hashes[None, begin:])
        first, second = np.divmod(np.flatnonzero(distance <= max_distance), distance.shape[1])
        pairs = np.stack([first + start, second + begin], axis=1)
        pairs = pairs[pairs[:, 1] > pairs[:, 0]]
        found.append(_confirmed(pairs, small, min_correlation))
    return np.concatenate(found)


def perceptual_hashes(small: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """`perceptual_hash` of (N, 32, 32) thumbnails at once, as numbers."""
    if not len(small):
        return np.empty(0, np.uint64)
    from scipy.fft import dct

    low = dct(dct(small.astype(np.float64), axis=1), axis=2)[:, :8, :8].reshape(len(small), -1)
    above = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _confirmed(
    pairs: NDArray[np.int64], small: NDArray[np.uint8], minimum: float
) -> NDArray[np.int64]:
    """The pairs whose thumbnails correlate, a bounded number at a time."""
    kept = [np.empty((0, 2), np.int64)]
    for start in range(0, len(pairs), 4096):
        some = pairs[start : start + 4096]
        left = small[some[:, 0]].astype(np.float32)
        right = small[some[:, 1]].astype(np.float32)
        equal = (left == right).all(axis=1)
        left -= left.mean(axis=1, keepdims=True)
        right -= right.mean(axis=1, keepdims=True)
        norm = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
        product = (left * right).sum(axis=1)
        correlation = np.divide(product, norm, out=np.zeros_like(norm), where=norm > 0)
        kept.append(some[equal | (correlation >= minimum)])
    return np.concatenate(kept)


def _as_uint64(phashes: Sequence[str] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    if isinstance(phashes, np.ndarray) and phashes.dtype == np.uint64:
        return phashes
    return np.array([int(str(text), 16) for text in phashes], np.uint64)


def _as_matrix(thumbnails: Sequence[bytes] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    if isinstance(thumbnails, np.ndarray) and thumbnails.dtype == np.uint8:
        return thumbnails.reshape(len(thumbnails), SIDE * SIDE)
    joined = b"".join(bytes(item) for item in thumbnails)
    return np.frombuffer(joined, np.uint8).reshape(-1, SIDE * SIDE)
