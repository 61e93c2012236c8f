import json
import tarfile

import numpy as np
import pytest

from osteon.cohorts.labelme import Box, NoDrawing, Outline, fill, is_labelme, read_drawing
from osteon.imaging.refusals import Refused

SQUARE = [[10, 10], [20, 10], [20, 20], [10, 20]]


def write(path, shapes, width=100, height=50, **more):
    path.write_text(
        json.dumps({"shapes": shapes, "imageWidth": width, "imageHeight": height, **more})
    )
    return path


def rectangle(points, label="os", **more):
    return {"label": label, "points": points, "shape_type": "rectangle", **more}


def polygon(points, label="os"):
    return {"label": label, "points": points, "shape_type": "polygon"}


def read_boxes(path, width, height):
    """The boxes of a file without a bad shape."""
    drawing = read_drawing(path, width, height)
    assert drawing.refused == []
    return drawing.boxes


def test_corners_come_in_any_order(tmp_path):
    path = write(tmp_path / "a.json", [rectangle([[30, 40], [10, 5]])])
    assert read_boxes(path, 100, 50) == [Box(10, 5, 30, 40, "os")]


def test_a_polygon_adds_a_box_only_where_no_rectangle_of_its_label_lies(tmp_path):
    shapes = [rectangle([[10, 10], [20, 20]]), polygon(SQUARE), polygon(SQUARE, "cyst")]
    path = write(tmp_path / "a.json", shapes)
    assert read_boxes(path, 100, 50) == [Box(10, 10, 20, 20, "os"), Box(10, 10, 20, 20, "cyst")]
    drawing = read_drawing(path, 100, 50)
    assert [outline.label for outline in drawing.outlines] == ["os", "cyst"]
    assert drawing.boxed == 1


def test_embedded_image_and_its_path_are_ignored(tmp_path):
    more = {"imageData": "A" * 10**6, "imagePath": "../../etc/passwd"}
    path = write(tmp_path / "a.json", [rectangle([[1, 1], [2, 2]])], **more)
    assert read_boxes(path, 100, 50) == [Box(1, 1, 2, 2, "os")]


@pytest.mark.parametrize(
    ("shapes", "code"),
    [
        ([rectangle([[10, 10], [10, 20]])], "boxes_unreadable"),
        ([rectangle([[10, 10], [101, 20]])], "box_outside_image"),
        ([rectangle([[-3, 10], [10, 20]])], "box_outside_image"),
        ([rectangle([[10, 10]])], "boxes_unreadable"),
        ([rectangle([[10, "x"], [11, 12]])], "boxes_unreadable"),
        ([rectangle([[10, float("nan")], [11, 12]])], "boxes_unreadable"),
        ([rectangle([[10, 10**400], [11, 12]])], "boxes_unreadable"),
        ([rectangle([[10, True], [11, 12]])], "boxes_unreadable"),
        ([rectangle([[1, 1], [2, 2]], label="")], "boxes_unreadable"),
        ([rectangle([[1, 1], [2, 2]], label=None)], "boxes_unreadable"),
        ([polygon([[1, 1], [2, 2]])], "boxes_unreadable"),
        ([{"label": "os", "points": SQUARE, "shape_type": "circle"}], "boxes_unreadable"),
        (["os"], "boxes_unreadable"),
    ],
)
def test_a_bad_shape_refuses_itself_and_keeps_the_others(tmp_path, shapes, code):
    good = rectangle([[1, 2], [3, 4]])
    drawing = read_drawing(write(tmp_path / "a.json", [good, *shapes, good]), 100, 50)
    assert drawing.boxes == [Box(1, 2, 3, 4, "os")] * 2 and drawing.boxed == 0
    assert [refused.code for refused in drawing.refused] == [code]
    assert "shape 2" in drawing.refused[0].reason


@pytest.mark.parametrize("shapes", [None, {}, "os"])
def test_shapes_that_are_no_list_refuse_the_file(tmp_path, shapes):
    with pytest.raises(Refused) as refused:
        read_drawing(write(tmp_path / "a.json", shapes), 100, 50)
    assert refused.value.code == "boxes_unreadable"


def test_json_of_something_else_is_told_apart(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"RepetitionTime": 4.0, "imageWidth": 7}')
    with pytest.raises(NoDrawing) as refused:
        read_drawing(path, 100, 50)
    assert refused.value.code == "boxes_unreadable" and not is_labelme(path)
    assert is_labelme(write(path, []))
    path.write_text('{"shapes": [')
    assert is_labelme(path)
    assert not is_labelme(tmp_path / "absent.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_what_is_no_labelme_file_is_refused(tmp_path, data):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(Refused) as refused:
        read_boxes(path, 100, 50)
    assert refused.value.code == "boxes_unreadable"


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(Refused):
        read_boxes(tmp_path / "a.json", 100, 50)


def test_boxes_of_another_image_size_are_refused_not_rescaled(tmp_path):
    path = write(tmp_path / "a.json", [rectangle([[1, 1], [2, 2]])])
    with pytest.raises(Refused) as refused:
        read_boxes(path, 200, 100)
    assert refused.value.code == "mask_shape_mismatch"
    assert "100 x 50" in refused.value.reason


def test_a_polygon_is_filled_in_image_coordinates():
    mask = fill([Outline(tuple(map(tuple, SQUARE)), "os")], 100, 50)
    assert mask.shape == (50, 100) and mask.dtype == np.uint8
    assert mask[15, 15] == 1 and mask[15, 25] == 0 and mask[25, 15] == 0
    assert mask.sum() == 11 * 11


def test_points_on_the_far_border_stay_inside():
    mask = fill([Outline(((0, 0), (100, 0), (100, 50), (0, 50)), "os")], 100, 50)
    assert mask.all()


def test_every_real_labelme_file_is_read(real_data, tmp_path):
    boxes = outlines = 0
    path = tmp_path / "one.json"
    with tarfile.open(real_data / "btxrd_labels" / "labelme_1867.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None:
                continue
            data = file.read()
            size = json.loads(data)
            path.write_bytes(data)
            width, height = size["imageWidth"], size["imageHeight"]
            found = read_drawing(path, width, height)
            assert found.boxes and not found.refused
            boxes += len(found.boxes)
            outlines += len(found.outlines)
    assert (boxes, outlines) == (2324, 2318)
