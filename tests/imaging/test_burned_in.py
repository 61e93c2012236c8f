"""Suspicion of writing in the pixels, on made and on real pictures."""

import numpy as np
from PIL import Image, ImageDraw

from osteon.imaging.burned_in import suspect_text, text_lines
from osteon.imaging.decode import open_picture
from osteon.imaging.picture import Header
from osteon.imaging.resize import to_uint8


def radiograph(seed: int = 0, noise: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, 300)
    limb = 180 * np.exp(-((x / 0.4) ** 2))[None] + 60 * np.exp(-(((x - 0.1) / 0.1) ** 2))[None]
    return np.clip(limb + rng.normal(0, noise, (400, 300)), 0, 255).astype(np.uint8)


def test_typed_text_is_suspected_and_bone_is_not():
    clean = radiograph()
    assert text_lines(clean) == 0
    picture = Image.fromarray(clean)
    ImageDraw.Draw(picture).text((5, 6), "DOE JANE 12-05-2002", fill=255)
    assert text_lines(np.asarray(picture)) > 0


def test_noise_alone_is_not_text():
    for seed in range(5):
        assert text_lines(radiograph(seed, 16.0)) == 0


def test_tag_decides_where_it_is_filled():
    clean = radiograph().astype(np.uint16) * 257
    for stated in (True, False):
        header = Header("dicom", 400, 300, burned_in=stated)
        assert suspect_text(header, clean) is stated
    assert not suspect_text(Header("dicom", 400, 300), clean)
    assert not suspect_text(Header("dicom", 400, 300), clean.astype(np.int16))
    assert text_lines(np.zeros((10, 10), np.uint8)) == 0


def test_teaching_files_with_names_are_found(real_data):
    files = sorted((real_data / "medpix_bone" / "images").glob("*.png"))
    suspected = sum(
        suspect_text(picture.header, frame.pixels)
        for picture in map(open_picture, files)
        for frame in picture.frames()
    )
    assert suspected >= 0.9 * len(files)


def test_plain_radiographs_are_not_suspected(real_data):
    for path in sorted((real_data / "btxrd_labels" / "embedded").glob("*.jpeg")):
        (frame,) = open_picture(path).frames()
        assert text_lines(to_uint8(frame.pixels)) == 0
