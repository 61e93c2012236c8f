"""Maps become outlines on the archive's own pixels, and are counted as they should be."""

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.errors import CohortError
from osteon.imaging.patches import patch_labels, positions
from osteon.measures.lesion_sizes import diameters
from osteon.measures.outline_store import Outlines
from osteon.measures.segmentation import count, overlap
from osteon.measures.surfaces import surface_dice, surface_distances
from osteon.pipelines.spinal_penn.judging import grid_of
from osteon.pipelines.spinal_penn.outlining import measure_lesions, outline
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.schemas import segmentations as schema
from tests.pipelines import penn_cohort as cohort

ARCHIVE = cohort.Labelled(cohort.label_maps())


def outlined(folder, name="penn", archive=ARCHIVE, recipe=cohort.RECIPE, **changes):
    given = {"judged": cohort.judged(name), "samples": cohort.samples()} | changes
    maps = given.pop("maps", None) or cohort.maps(folder / name, shift=1)
    return outline(
        maps,
        given["judged"],
        given["samples"],
        archive,
        cohort.prepared(folder / "store"),
        cohort.COHORT,
        given.get("preprocessing", cohort.PREPROCESSING),
        recipe,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("row")
    tables = outlined(folder)
    store = folder / "outlines"
    store.mkdir()
    tables[-1].write(store)
    return *tables[:-1], Outlines(store)


def test_the_tables_are_those_of_the_schemas(made):
    patients, patches, slices, thresholds, _ = made
    assert len(schema.schema.validate(patients, lazy=True)) == cohort.PATIENTS
    assert len(schema.patch_schema.validate(patches, lazy=True)) == cohort.PATIENTS
    assert len(slices) == 2 * cohort.PATIENTS and slices["sample_id"].is_unique
    assert len(thresholds) == 19 * cohort.PATIENTS
    assert set(patients["learner"]) == {"penn"} and set(patients["paper"]) == {"spinal_penn"}


def test_every_patient_is_scored_on_the_archive_s_own_pixels(made):
    patients, _, slices, _, outlines = made
    for row in patients.itertuples():
        own = cohort.samples().query("patient_id == @row.patient_id")
        pairs = [
            (outlines.get(name), ARCHIVE.mask(at) == 1)
            for name, at in zip(own["sample_id"], own["archive_row"], strict=True)
        ]
        assert all(said.shape == (cohort.ROWS, cohort.COLUMNS) for said, _ in pairs)
        counts = pd.DataFrame([count(*pair) for pair in pairs]).sum()
        assert [row.tp, row.fp, row.fn, row.tn] == counts.tolist()
        surfaces = [surface_distances(*pair, cohort.SPACING) for pair in pairs]
        assert row.nsd == pytest.approx(surface_dice(surfaces, 2.0))
        assert row.dice > 0.75  # a pixel of the square beside the truth
        alone = slices[slices["patient_id"] == row.patient_id]
        assert alone[["tp", "fp", "fn", "tn"]].sum().tolist() == counts.tolist()
        assert alone["dice"].isna().sum() == 1  # the slice without a target, rightly left empty


def test_a_perfect_map_is_as_good_as_its_square_allows(tmp_path):
    maps = cohort.maps(tmp_path / "right", shift=0)
    patients = outlined(tmp_path, maps=maps)[0]
    assert patients["dice"].min() > 0.85 and patients["hd95_mm"].max() < 2.5
    shifted = outlined(tmp_path, maps=cohort.maps(tmp_path / "off", shift=4))[0]
    assert (patients["dice"] > shifted["dice"]).all()


def test_patches_of_a_network_are_its_own_and_of_any_other_by_the_rule(tmp_path):
    own = outlined(tmp_path, maps=cohort.maps(tmp_path / "own", 3, own_patches=True))[1]
    ruled = outlined(tmp_path, maps=cohort.maps(tmp_path / "ruled", 3))[1]
    # The network's own patches are the truth, whatever its map; the map is three pixels off.
    assert own[["fp", "fn"]].to_numpy().sum() == 0 and ruled["fn"].sum() > 0
    wanted = {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
    corner = positions(cohort.SIZE, cohort.SIZE, 8, 4)
    centre = corner[:, 1] + 4
    # 48 x 32 on 32: the picture is 21 px wide, from column 5 to 26.
    counted = (centre >= 5) & (centre <= 26)
    for mask in cohort.label_maps():
        square = cohort.on_square(mask)
        truth = patch_labels(square, 8, 4, target=1).ravel()[counted] == 1
        moved = np.roll(square == 1, 3, axis=1).astype(np.uint8)
        said = patch_labels(moved, 8, 4, target=1).ravel()[counted] == 1
        for name, number in count(said[None], truth[None]).items():
            wanted[name] += number
    assert ruled[list(wanted)].sum().to_dict() == wanted


def test_patches_of_another_grid_are_refused(tmp_path):
    maps = cohort.maps(tmp_path / "own", own_patches=True)
    network = cohort.NETWORK | {"stride": 2}
    recipe = Recipe.model_validate(
        {"kind": "segmentation", "network": network, "patches": {"stride": 4}}
    )
    with pytest.raises(CohortError, match="49 a slice found; the row is judged on patches of 8 px"):
        outlined(tmp_path, maps=maps, recipe=recipe)


def test_a_row_without_patches_has_no_patch_counts(tmp_path):
    recipe = Recipe.model_validate({"kind": "segmentation", "network": {"name": "unet"}})
    assert grid_of(recipe.root) is None
    patches = outlined(tmp_path, recipe=recipe)[1]
    assert patches.empty and list(patches.columns[-4:]) == ["tp", "fp", "fn", "tn"]


def test_small_parts_are_dropped_on_the_archive_s_pixels(tmp_path):
    large = {"kind": "segmentation", "network": cohort.NETWORK, "patches": {"stride": 4}}
    recipe = Recipe.model_validate(large | {"postprocess": {"least_px": 1536}})
    patients, _, _, thresholds, _ = outlined(tmp_path, recipe=recipe)
    assert set(patients["empty"]) == {"prediction"} and patients["precision"].isna().all()
    # Counts by threshold are before post-processing, and still there.
    assert thresholds.query("threshold == 0.5")["tp"].sum() > 0


def test_without_spacing_a_pixel_is_a_millimetre_and_that_is_counted(tmp_path, made):
    archive = cohort.Labelled(cohort.label_maps(), spacing=None)
    patients, _, slices, _, _ = outlined(tmp_path, archive=archive)
    assert patients["images_without_spacing"].tolist() == [2] * cohort.PATIENTS
    assert not slices["spacing_known"].any()
    np.testing.assert_array_equal(patients["dice"], made[0]["dice"])
    assert (patients["hd95_mm"] != made[0]["hd95_mm"]).any()


def test_only_the_prepared_part_of_a_slice_is_outlined(tmp_path):
    samples = cohort.samples().assign(crop_y0=16, crop_x0=0, crop_x1=32, crop_y1=48)
    full = cohort.maps(tmp_path / "full")
    np.save(full.folder / "map.npy", np.full((16, cohort.SIZE, cohort.SIZE), 255, np.uint8))
    patients = outlined(tmp_path, maps=full, samples=samples)[0]
    called = patients["tp"] + patients["fp"]
    assert called.tolist() == [2 * 32 * 32] * cohort.PATIENTS


def test_the_build_is_named_by_what_is_in_it(tmp_path, made):
    same, again = (outlined(tmp_path / name)[-1].digest for name in ("one", "two"))
    other = outlined(tmp_path, maps=cohort.maps(tmp_path / "off", shift=4))[-1].digest
    assert same == again != other


def test_what_is_lacking_is_named(tmp_path):
    judged = cohort.judged("penn")
    with pytest.raises(CohortError, match=r"not among the samples \(first: I00\)"):
        outlined(tmp_path, samples=cohort.samples().iloc[1:])
    with pytest.raises(CohortError, match="no slice found"):
        outlined(tmp_path, judged=judged.iloc[:0])
    with pytest.raises(CohortError, match="I03 was judged and has no label map"):
        masks = cohort.label_maps()
        masks[3] = None
        outlined(tmp_path, archive=cohort.Labelled(masks))
    maps = cohort.maps(tmp_path / "few")
    names = pd.read_parquet(maps.folder / "samples.parquet")
    names.assign(sample_id=names["sample_id"].replace("I05", "X")).to_parquet(
        maps.folder / "samples.parquet"
    )
    with pytest.raises(CohortError, match="I05 was judged and has no map"):
        outlined(tmp_path, maps=maps)


def test_lesions_in_mm_with_level_and_fineness():
    found = measure_lesions(cohort.samples(), ARCHIVE, cohort.COHORT, cohort.PREPROCESSING)
    assert found["patient_id"].tolist() == [f"P{k:02d}" for k in range(cohort.PATIENTS)]
    wanted = [diameters(mask == 1, cohort.SPACING)[0] for mask in cohort.label_maps()[::2]]
    np.testing.assert_allclose(found["largest_mm"], wanted)
    assert (found["images"] == 2).all() and (found["with_target"] == 1).all()
    # 48 rows of 1.2 mm on 32 px: 1.8 mm a prepared pixel.
    np.testing.assert_allclose(found["prepared_mm"], 1.8)
    assert found["location"].tolist()[:3] == ["L5", "T2", "L3"]


def test_lesions_of_unknown_spacing_have_no_size():
    archive = cohort.Labelled(cohort.label_maps(), spacing=None)
    config = PreprocessingConfig(size=16, resize="stretch")
    samples = cohort.samples().drop(columns="location")
    found = measure_lesions(samples, archive, cohort.COHORT, config)
    assert set(found["band"]) == {"pixel spacing not known"}
    assert found[["largest_mm", "prepared_mm"]].isna().all(axis=None)
    assert found["location"].isna().all()


def test_scores_of_slices_are_those_of_their_counts(made):
    slices = made[2]
    scores = overlap(slices["tp"], slices["fp"], slices["fn"])
    np.testing.assert_allclose(slices["dice"], scores["dice"])
    np.testing.assert_allclose(slices["iou"], scores["iou"])
