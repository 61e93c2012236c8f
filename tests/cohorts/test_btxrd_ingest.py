"""BTXRD in its own formats passes the door that a hospital's folder passes."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from osteon.cohorts.archive import Archive
from osteon.cohorts.btxrd import COLUMNS
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest

KEY = b"k" * 32
OSTEOSARCOMA = {"tumor", "malignant", "osteosarcoma", "femur", "lower limb", "frontal"}
NORMAL = {"femur", "lower limb", "lateral"}


def _row(name: str, age: int, flags: set[str]) -> str:
    facts = {"image_id": name, "center": 2, "age": age, "gender": "F"}
    return ",".join(str(facts.get(column, int(column in flags))) for column in COLUMNS)


def test_images_boxes_and_facts_reach_the_archive(tmp_path: Path) -> None:
    root, folder, private = (tmp_path / name for name in ("btxrd", "archive", "private"))
    for path in (root / "images", root / "Annotations", folder, private):
        path.mkdir(parents=True)
    rows = [",".join(COLUMNS)]
    for number in range(6):
        name = f"IMG{number:06d}.jpeg"
        noise = np.random.default_rng(number).integers(0, 255, (120, 90), dtype=np.uint8)
        Image.fromarray(noise).save(root / "images" / name)
        rows.append(_row(name, 20 + 10 * number, OSTEOSARCOMA if number % 2 else NORMAL))
    (root / "dataset.csv").write_text("\n".join(rows))
    box = {"label": "osteosarcoma", "shape_type": "rectangle", "points": [[10, 20], [40, 60]]}
    labelme = {"version": "5.4.1", "shapes": [box], "imageHeight": 120, "imageWidth": 90}
    (root / "Annotations" / "IMG000001.json").write_text(json.dumps(labelme))

    config = CohortConfig(source="btxrd", path=str(root), workers=1)
    ingest(root, config, KEY, folder, private)
    archive = Archive(folder)
    assert len(archive) == 6
    assert archive.patients["label"].value_counts().to_dict() == {
        "non_tumour": 3,
        "osteosarcoma": 3,
    }
    assert set(archive.index["view"]) == {"frontal", "lateral"}
    assert sum(bool(archive.boxes(i)) for i in range(6)) == 1
    assert any("surrogate" in note for note in archive.flow["notes"])
    assert archive.quarantine.empty


def test_the_two_real_radiographs_are_read_with_their_lesions(real_data: Path, tmp_path) -> None:
    from osteon.cohorts.labelme import read_drawing
    from osteon.imaging.decode import load_display

    for name in ("IMG000163", "IMG000164"):
        folder = real_data / "btxrd_labels" / "embedded"
        pixels = load_display(folder / f"{name}.jpeg")
        rows, columns = pixels.shape[:2]
        for box in read_drawing(folder / f"{name}.json", columns, rows).boxes:
            x0, y0, x1, y1 = box[:4]
            assert 0 <= x0 < x1 <= columns and 0 <= y0 < y1 <= rows
