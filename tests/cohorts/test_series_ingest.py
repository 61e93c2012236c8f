"""CT series through ingestion: order, what is wrong with them, and what has no HU."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest
from osteon.imaging.prepare import refuse_reason
from osteon.imaging.refusals import ADVICE
from tests.dicom_makers import dataset, knee, write

KEY = b"a key for the tests, not a secret"
CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
AXIAL = [1, 0, 0, 0, 1, 0]
TAGS = {
    "SOPClassUID": CT,
    "Modality": "CT",
    "PatientID": "A1",
    "SeriesInstanceUID": "1.2.3",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "BitsStored": 12,
    "HighBit": 11,
    "RescaleSlope": 1,
    "RescaleIntercept": -1024,
    "RescaleType": "HU",
    "ImageOrientationPatient": AXIAL,
    "PixelSpacing": [0.7, 0.7],
}


def ct(path: Path, z: float, seed: int, without: tuple[str, ...] = (), **changes: Any) -> Path:
    """One CT slice at height z; `without` names tags that it lacks."""
    tags = TAGS | {"ImagePositionPatient": [0, 0, z], "InstanceNumber": seed} | changes
    kept = {name: value for name, value in tags.items() if name not in without}
    return write(path, knee(seed), **kept)


def cohort(tmp_path: Path) -> Path:
    """One good slice of each of two patients."""
    root = tmp_path / "cohort"
    root.mkdir()
    table = "patient_id,label\nA1,osteosarcoma\nB2,giant_cell_tumor\n"
    (root / "patients.csv").write_text(table)
    ct(root / "a0.dcm", 0.0, 901, SeriesInstanceUID="1.2.9")
    ct(root / "b0.dcm", 0.0, 902, SeriesInstanceUID="1.2.8", PatientID="B2")
    return root


def run(root: Path, tmp_path: Path, **settings: Any) -> Archive:
    folder, private = tmp_path / "archive", tmp_path / "private"
    folder.mkdir()
    private.mkdir()
    classes = ("giant_cell_tumor", "osteosarcoma")
    chosen = {"workers": 1, "modalities": ("CT",), "classes": classes} | settings
    ingest(root, CohortConfig(source="folder", path=str(root), **chosen), KEY, folder, private)
    archive = Archive(folder)
    flow = archive.flow
    assert flow["received"] == flow["kept"] + sum(flow["refused"].values())
    for row in archive.quarantine.itertuples():
        assert row.advice == ADVICE[row.code] and row.reason
    return archive


def series(archive: Archive):
    """Index rows of the series that the test wrote (the other two have one slice each)."""
    index = archive.index
    return index[index.groupby("series_id")["series_id"].transform("size") > 1]


def codes(archive: Archive) -> list[str]:
    return sorted(archive.quarantine["code"])


def test_shuffled_file_names_are_ordered_along_the_normal_in_hu(tmp_path):
    root = cohort(tmp_path)
    heights = [12.0, -4.0, 8.0, 0.0, 4.0]
    for number, z in enumerate(heights):
        ct(root / f"IM{number}", z, 10 + number, InstanceNumber=99 - number)
    archive = run(root, tmp_path)
    rows = series(archive)
    ranks = [sorted(heights).index(z) + 1 for z in heights]
    assert rows["slice"].tolist() == ranks and archive.flow["notes"] == []
    for row, number in zip(rows.index, range(5), strict=True):
        expected = knee(10 + number).astype(np.int16) - 1024
        np.testing.assert_array_equal(archive.pixels(row), expected)
        assert archive.pixels(row).dtype == np.int16


UPRIGHT = [0, 1, 0, 0, 0, -1]


@pytest.mark.parametrize(
    ("heights", "changes", "note"),
    [
        ([0, 3, 6, 12, 15], {}, "gaps between slices"),
        ([0, 3, 3, 6, 9], {}, "slices lie where another one lies"),
        ([0, 3, 6, 9.9, 12.9], {}, "uneven spacing"),
        (
            [0, 3, 6, 9, 12],
            {n: {"ImagePositionPatient": [0, n, 3 * n]} for n in range(5)},
            "tilted: slices are not stacked along their normal",
        ),
        ([0, 3, 6, 9, 12], {2: {"PixelSpacing": [0.9, 0.9]}}, "mixed pixel spacing"),
        ([0, 3, 6, 9, 12], {2: {"ImageOrientationPatient": UPRIGHT}}, "mixed orientation"),
        ([0, 3, 6, 9, 12], {2: {"without": ("ImagePositionPatient",)}}, "slices lack position"),
        ([0, 3, 6, 9, 12], {2: {"ImageOrientationPatient": [0] * 6}}, "slices lack position"),
    ],
)
def test_a_faulty_series_is_kept_numbered_and_noted(tmp_path, heights, changes, note):
    root = cohort(tmp_path)
    for number, z in enumerate(heights):
        ct(root / f"IM{number}", z, 10 + number, **changes.get(number, {}))
    archive = run(root, tmp_path)
    assert series(archive)["slice"].tolist() == [1, 2, 3, 4, 5]
    assert archive.quarantine.empty
    assert any(text.startswith(f"1 series: {note}") for text in archive.flow["notes"])


def test_the_same_slice_twice_is_kept_once(tmp_path):
    root = cohort(tmp_path)
    for number in range(3):
        path = ct(root / f"IM{number}", 3.0 * number, 10 + number)
    (root / "copy").write_bytes(path.read_bytes())
    ct(root / "resent", 6.0, 12)  # a new object of the same pixels
    archive = run(root, tmp_path)
    assert codes(archive) == ["duplicate_pixels", "duplicate_sop"]
    assert sorted(series(archive)["slice"]) == [1, 2, 3]


def test_a_localizer_is_refused(tmp_path):
    root = cohort(tmp_path)
    scout = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    ct(root / "scout", 0.0, 10, ImageType=scout, ImageOrientationPatient=UPRIGHT)
    ct(root / "bare", 0.0, 11, without=("RescaleSlope",), ImageType=scout)
    assert codes(run(root, tmp_path)) == ["localizer", "localizer"]


@pytest.mark.parametrize(
    "changes",
    [
        {"without": ("RescaleSlope", "RescaleIntercept")},
        {"without": ("RescaleIntercept",)},
        {"without": ("RescaleSlope",)},
        {"RescaleSlope": None},
        {"RescaleSlope": 0},
        {"RescaleType": "Z_EFF"},
    ],
)
def test_without_a_rescale_stored_values_never_count_as_hu(tmp_path, changes):
    root = cohort(tmp_path)
    ct(root / "bad", 0.0, 10, **changes)
    archive = run(root, tmp_path)
    assert codes(archive) == ["no_rescale"] and len(archive) == 2
    assert archive.flow["classes"]["osteosarcoma"]["refused"] == {"no_rescale": 1}
    assert "RescaleSlope" in archive.quarantine["advice"][0]


@pytest.mark.parametrize("changes", [{"RescaleType": "HU"}, {"without": ("RescaleType",)}])
def test_a_rescale_of_one_and_zero_is_a_rescale(tmp_path, changes):
    root = cohort(tmp_path)
    ct(root / "IM1", 0.0, 10, RescaleSlope=1, RescaleIntercept=0, **changes)
    archive = run(root, tmp_path)
    assert archive.quarantine.empty and len(archive) == 3


def colours(coloured: bool) -> np.ndarray:
    grey = (knee(10) >> 4).astype(np.uint8)
    return np.stack([grey, grey[::-1] if coloured else grey, grey], axis=-1)


def write_rgb(path: Path, rgb: np.ndarray, **tags: Any) -> None:
    made = dataset(rgb[..., 0], **({"PatientID": "A1"} | tags))
    made.SamplesPerPixel, made.PhotometricInterpretation = 3, "RGB"
    made.PlanarConfiguration, made.PixelData = 0, rgb.tobytes()
    made.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("coloured", [True, False])
@pytest.mark.parametrize("sop_class", [CT, SECONDARY])
def test_a_screenshot_that_goes_by_ct_is_refused(tmp_path, coloured, sop_class):
    root = cohort(tmp_path)
    tags = {"SOPClassUID": sop_class, "Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": 0}
    write_rgb(root / "shot.dcm", colours(coloured), **tags)
    report = colours(False)[..., 0].copy()  # a dose report: 8-bit greys
    write(root / "dose.dcm", report, PatientID="A1", **tags)
    archive = run(root, tmp_path)
    assert codes(archive) == ["screenshot", "screenshot"] and len(archive) == 2


def test_a_secondary_capture_counts_only_if_the_table_vouches_for_it(tmp_path):
    root = cohort(tmp_path)
    tags = {"SOPClassUID": SECONDARY, "Modality": "OT", "RescaleSlope": 1, "RescaleIntercept": 0}
    write_rgb(root / "unknown.dcm", colours(True)[::-1].copy(), **tags)
    write_rgb(root / "colour.dcm", colours(True), **tags)
    write_rgb(root / "grey.dcm", colours(False), **tags)
    Image.fromarray(colours(False)[:, ::-1, 0].copy()).save(root / "A1.png")
    table = "file,patient_id,sequence\ncolour.dcm,A1,CT\ngrey.dcm,A1,CT\n"
    (root / "images.csv").write_text(table)
    archive = run(root, tmp_path)
    assert codes(archive) == ["wrong_modality"]
    assert "CT" in archive.quarantine["reason"][0]
    rows = archive.index[["dtype", "channels"]].itertuples(index=False)
    found = sorted((row.dtype, row.channels) for row in rows)
    assert found == [("<i2", 1), ("<i2", 1), ("<u2", 1), ("<u2", 1), ("|u1", 3)]
    # kept, but never taken for HU: the windows leave them out and say why
    reasons = [refuse_reason(*kind, "window_composite") for kind in found]
    assert [reason is None for reason in reasons] == [True, True, False, False, False]


def test_mr_given_to_a_ct_cohort(tmp_path):
    root = cohort(tmp_path)
    tags = TAGS | {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}
    for number in range(3):
        write(root / f"IM{number}", knee(20 + number), **tags)
    archive = run(root, tmp_path)
    assert codes(archive) == ["wrong_modality"] * 3
    assert "MR" in archive.quarantine["reason"][0] and "CT" in archive.quarantine["reason"][0]


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def enhanced(path: Path, shared: bool, intercepts: list[float] | None) -> np.ndarray:
    """An enhanced CT of three frames, top first; the rescale is shared, or a frame's own."""
    stack = np.stack([knee(seed) for seed in (31, 32, 33)])

    def rescale(intercept: float) -> list[Dataset]:
        return [item(RescaleSlope=1, RescaleIntercept=intercept, RescaleType="HU")]

    groups = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.5])],
        PlaneOrientationSequence=[item(ImageOrientationPatient=AXIAL)],
    )
    frames = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, -2.0 * number])],
            FrameContentSequence=[item(InStackPositionNumber=number + 1)],
        )
        for number in range(3)
    ]
    if intercepts and shared:
        groups.PixelValueTransformationSequence = rescale(intercepts[0])
    for frame, intercept in zip(frames, () if shared else intercepts or (), strict=False):
        frame.PixelValueTransformationSequence = rescale(intercept)
    write(
        path,
        stack,
        SOPClassUID=ENHANCED_CT,
        Modality="CT",
        PatientID="A1",
        SharedFunctionalGroupsSequence=[groups],
        PerFrameFunctionalGroupsSequence=frames,
    )
    return stack


@pytest.mark.parametrize(
    ("shared", "intercepts"), [(True, [-1024.0] * 3), (False, [-1024.0, -1000.0, 0.0])]
)
def test_enhanced_ct_with_its_tags_in_functional_groups(tmp_path, shared, intercepts):
    root = cohort(tmp_path)
    stack = enhanced(root / "many.dcm", shared, intercepts)
    archive = run(root, tmp_path)
    rows = series(archive)
    assert archive.quarantine.empty and rows["slice"].tolist() == [3, 2, 1]
    assert set(rows["pixel_spacing_mm"]) == {"[0.5, 0.5]"}
    for row, stored, intercept in zip(rows.index, stack, intercepts, strict=True):
        np.testing.assert_array_equal(archive.pixels(row), stored.astype(np.int16) + intercept)


@pytest.mark.parametrize("intercepts", [None, [-1024.0, -1024.0]])
def test_enhanced_ct_of_which_a_frame_lacks_its_rescale(tmp_path, intercepts):
    root = cohort(tmp_path)
    enhanced(root / "many.dcm", False, intercepts)
    archive = run(root, tmp_path)
    assert codes(archive) == ["no_rescale"] and len(archive) == 2
