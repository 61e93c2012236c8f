"""Open PNG, JPEG, TIFF and BMP through Pillow: display values, no units, no patient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from osteon.imaging.greyscale import GreyChain, render_grey
from osteon.imaging.picture import (
    MAX_PIXELS,
    Array,
    Check,
    Frame,
    Header,
    Picture,
    check_size,
    colour_or_grey,
)
from osteon.imaging.quiet import quiet
from osteon.imaging.refusals import Refused

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")


def open_photo(path: Path, max_pixels: int = MAX_PIXELS, check: Check | None = None) -> Picture:
    """Read the header of a PNG, JPEG, TIFF or BMP file.

    Args:
        path: the file.
        max_pixels: limit on rows x columns x frames (pages of a TIFF).
        check: looks at the header before the pixels are decoded, and raises Refused.

    Raises:
        Refused: decode_failed, too_large, no_pixels.
    """
    try:
        with quiet():
            image = Image.open(path, formats=FORMATS)
            frames = int(getattr(image, "n_frames", 1))
    except Image.DecompressionBombError:
        raise Refused("too_large", "the header says more pixels than any image has") from None
    except Exception as error:
        raise Refused("decode_failed", f"the header is damaged ({type(error).__name__})") from None
    try:
        check_size(image.height, image.width, frames, max_pixels)
        header = Header(
            kind="picture",
            rows=image.height,
            columns=image.width,
            frames=frames,
            transfer_syntax=str(image.format),
        )
        if check is not None:
            check(header)
    except Refused:
        image.close()
        raise
    return Picture(header, lambda: _decode(image, frames))


def _decode(image: Image.Image, frames: int) -> Iterator[Frame]:
    with image, quiet():
        for number in range(frames):
            try:
                image.seek(number)
                image.load()
                pixels = to_display(image)
            except Exception as error:
                # Pillow says "image file is truncated" in an OSError; PNG in a SyntaxError too
                code = "truncated" if "truncated" in str(error).lower() else "decode_failed"
                kind = type(error).__name__
                raise Refused(code, f"the pixels cannot be decoded ({kind})") from None
            yield Frame(pixels, number)


def to_display(image: Image.Image) -> Array:
    """A Pillow image as (H, W) uint16 display values, or (H, W, 3) uint8 if truly coloured.

    8-bit and 16-bit grey keep their scale (times 257 and 1); wider or floating values are spread
    over the full range. Transparency is ignored.
    """
    if image.mode in ("I", "F"):
        values = np.asarray(image)
        if values.dtype.kind == "i" and values.min() >= 0 and values.max() <= 65535:
            return values.astype(np.uint16)
        return render_grey(values, GreyChain())
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L")).astype(np.uint16) * np.uint16(257)
    return colour_or_grey(np.asarray(image.convert("RGB")))
