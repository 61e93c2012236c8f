"""The public set of vertebral bodies: one patient a MATLAB file, its labels as its mask."""

import numpy as np
import pytest
from scipy.io import savemat

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.cohorts.ingest import ingest
from osteon.cohorts.report import check_usable
from osteon.cohorts.tables import read_tables

KEY = b"a key for the tests, not a secret"
NAMES = ("other", "vertebra")


def config(root, **more):
    given = {"source": "vertebral_bodies", "path": str(root), "labelled_by": "masks", "workers": 1}
    names = {"classes": NAMES, "mask_classes": NAMES, "modalities": ("MR",)}
    return CohortConfig.model_validate(given | names | more)


def volume(path, seed, depth=3, labels=None):
    rng = np.random.default_rng(seed)
    truth = np.zeros((24, 20, labels or depth), np.uint8)
    truth[3:8, 5:12, 1], truth[10:15, 5:12, 1] = 1, 9
    image = rng.integers(1, 255, (24, 20, depth)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"I": image, "GT": truth})
    return image, truth


def run(root, tmp_path, **more):
    folder, private = tmp_path / "archive", tmp_path / "private"
    folder.mkdir()
    private.mkdir()
    ingest(root, config(root, **more), KEY, folder, private)
    return Archive(folder)


def test_volumes_are_patients_and_bodies_are_one_class(tmp_path):
    root = tmp_path / "bodies"
    image, truth = volume(root / "VB1_01.mat", 1)
    volume(root / "deep" / "VB3_02.mat", 2)
    volume(root / "VB2_02.mat", 3, depth=4, labels=5)
    (root / "SOURCE.txt").write_text("where it is from")
    archive = run(root, tmp_path)
    assert archive.flow["received"] == 3 and archive.flow["kept"] == 2 and len(archive) == 6
    assert archive.quarantine["code"].tolist() == ["mask_shape_mismatch"]
    assert "24 x 20 x 5, its image 24 x 20 x 4" in archive.quarantine["reason"][0]
    assert archive.flow["masks"] == {"with": 6, "without": 0, "images": {"other": 6, "vertebra": 2}}
    assert set(archive.patients["label"]) == {"vertebra"} and len(archive.patients) == 3
    assert sorted(archive.patients["centre"]) == ["C1", "C2", "C3"]
    index = archive.index
    for row in index.index[index["patient_id"] == index["patient_id"][0]]:
        np.testing.assert_array_equal(archive.mask(row), truth[:, :, index["frame"][row]] > 0)
    assert archive.pixels(0).shape == image.shape[:2] and set(index["view"]) == {"SAGITTAL"}
    assert set(index["pixel_spacing_mm"]) == {"[1.0, 1.0]"} and set(index["modality"]) == {"MR"}
    # a volume is a series, so that slices have neighbours
    assert index.groupby("series_id")["slice"].apply(list).tolist() == [[1, 2, 3]] * 2
    assert any("2 series: ordered by InstanceNumber" in note for note in archive.flow["notes"])
    check_usable(archive.flow, config(root))


def test_what_the_folder_must_hold(tmp_path):
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(CohortError, match=r"no \.mat file"):
        read_tables(tmp_path, config(tmp_path))
    volume(tmp_path / "a" / "VB1.mat", 1)
    volume(tmp_path / "b" / "VB1.mat", 2)
    with pytest.raises(CohortError, match="one name"):
        read_tables(tmp_path, config(tmp_path))
    names = {"classes": ("other", "tumour"), "mask_classes": ("other", "tumour")}
    names |= {"mask_values": {"1-9": "tumour"}}
    with pytest.raises(CohortError, match="'vertebra' as the last class"):
        read_tables(tmp_path, config(tmp_path, **names))


def test_the_real_volumes(real_data, tmp_path):
    root = real_data / "spine_mri_vertebral_bodies"
    tables = read_tables(root, config(root))
    assert tables.patients["patient_id"].tolist() == [
        *("VB1_03", "VB1_07", "VB1_12", "VB1_17"),
        *("VB2_02", "VB3_01"),
    ]
    archive = run(root, tmp_path, max_side=96)
    assert (archive.flow["kept"], archive.flow["images"]) == (5, 333)
    assert archive.flow["refused"] == {"mask_shape_mismatch": 1}
    assert archive.flow["masks"]["images"]["vertebra"] > 250
