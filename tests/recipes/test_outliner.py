"""A saved segmenter outlines, from the slices themselves, exactly what the row's run outlined."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from osteon.imaging.refusals import Refused
from osteon.measures.outline_store import Outlines
from osteon.pipelines.preprocessing.nodes import choose_images, prepare_images
from osteon.pipelines.spinal_penn.outlining import outline
from osteon.recipes import Recipe
from osteon.recipes.outliner import OutlineEnsemble
from osteon.recipes.preprocessing import PreprocessingConfig
from tests.memory_archive import MemoryArchive
from tests.pipelines import penn_slices as cohort
from tests.pipelines.penn_cohort import COHORT

PATIENTS, SLICES, ROWS, COLUMNS, SIDE = 6, 4, 44, 30, 24
COUNT = PATIENTS * SLICES
HOW = PreprocessingConfig(
    size=SIDE, resize="letterbox", masks=True, intensity="percentile", percentiles=(1, 99.5),
    background="share", smoothing=0.5,
)  # fmt: skip
POSTPROCESS = {"threshold": 0.5, "least_px": 5, "fill_holes": True}
TRAINING = {"training": cohort.QUICK | {"epochs": 15, "lr": 0.02, "batch": 16}}
LEARNERS: dict[str, Any] = {"penn": {}, "unet": cohort.UNET, "sau_net": cohort.SAU_NET}


class Run(NamedTuple):
    """What the row left of one learner, and the archive that it read."""

    archive: MemoryArchive
    samples: Any
    trained: cohort.Trained
    outlines: Outlines
    prepared: Path


def made() -> MemoryArchive:
    """Bright squares in vertebrae, slices of a series out of order."""
    rng = np.random.default_rng(1)
    masks = np.zeros((COUNT, ROWS, COLUMNS), np.uint8)
    masks[:, 4:40, 5:20] = 2
    for at in range(COUNT):
        y, x = rng.integers(4, 16, 2)
        masks[at, y : y + 22, x : x + 12] = 1
    noise = rng.integers(2000, 12000, masks.shape)
    pixels = (noise + np.array([0, 40000, 15000])[masks]).astype(np.uint16)
    archive = MemoryArchive(list(pixels), list(masks))
    archive.index = archive.index.assign(
        patient_id=[f"P{at // SLICES}" for at in range(COUNT)],
        series_id=[f"S{at // SLICES}" for at in range(COUNT)],
        slice=[3, 1, 4, 2] * PATIENTS,
        pixel_spacing_mm="[1.5, 1.5]",
        rows=ROWS, columns=COLUMNS, native_rows=ROWS, native_columns=COLUMNS,
        sequence="T1", manufacturer="", model="",
    )  # fmt: skip
    return archive


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder, archive = tmp_path_factory.mktemp("outliner"), made()
    chosen, _ = choose_images(archive, archive.index, HOW, COHORT)
    prepared = folder / "store"
    prepared.mkdir()
    prepare_images(archive, chosen, HOW).write(prepared)
    (prepared / "digest.txt").write_text("store")
    samples = chosen.assign(row=range(COUNT))
    splits = samples[["sample_id", "patient_id"]].assign(split="cv")
    splits["fold"] = splits["patient_id"].str[1:].astype(int) % 2
    block = cohort.RECIPE.model_dump() | {"postprocess": POSTPROCESS} | TRAINING
    recipe, found = Recipe.model_validate(block), {}
    for name, learner in LEARNERS.items():
        trained = cohort.train(
            folder, name, learner, samples=samples, splits=splits, preprocessing=HOW, recipe=recipe
        )
        outlined = outline(
            trained.maps, trained.judged, samples, archive, prepared, COHORT, HOW, recipe
        )
        place = folder / f"outlines_{name}"
        place.mkdir()
        outlined[-1].write(place)
        found[name] = Run(archive, samples, trained, Outlines(place), prepared)
    return found


def alone(run: Run, fold: int) -> OutlineEnsemble:
    """The network of one fold."""
    learner = run.trained.learner
    return OutlineEnsemble(learner.recipe, (learner.networks[fold],), learner.card)


def series_of(run: Run, patient: str) -> Any:
    """Samples of a patient in the order in which they lie there."""
    return run.samples[run.samples["patient_id"] == patient].sort_values("slice")


def test_what_was_saved_is_one_that_outlines(runs: dict[str, Run]) -> None:
    for name, run in runs.items():
        learner = run.trained.learner
        assert isinstance(learner, OutlineEnsemble) and len(learner.networks) == 2
        assert learner.classes == ("other", "tumour") and learner.recipe.network.name == name
        assert learner.recipe.postprocess.least_px == 5
        assert not any(one.training for one in learner.networks)


def test_slices_are_prepared_as_the_store_was(runs: dict[str, Run]) -> None:
    run = runs["penn"]
    images = np.load(run.prepared / "images.npy")
    for row in run.samples.itertuples():
        found = run.trained.learner.prepare(run.archive.pixels(row.archive_row))
        np.testing.assert_array_equal(found, images[row.row])


@pytest.mark.parametrize("name", LEARNERS)
def test_one_fold_outlines_what_the_run_outlined_to_the_byte(runs, name: str) -> None:
    run, shown = runs[name], 0
    for patient, own in run.trained.judged.groupby("patient_id"):
        learner = alone(run, int(own["fold"].iloc[0]))
        series = series_of(run, patient)
        pixels = [run.archive.pixels(row) for row in series["archive_row"]]
        maps = learner.maps(np.stack([learner.prepare(one) for one in pixels]))
        for sample, whole, said in zip(
            series["sample_id"], maps, learner.outline(pixels), strict=True
        ):
            kept = run.trained.maps.get("map", sample)
            np.testing.assert_array_equal(np.rint(whole * 255), kept)
            assert said.mask.shape == said.probability.shape == (ROWS, COLUMNS)
            assert said.mask.dtype == bool and said.probability.dtype == np.float32
            np.testing.assert_array_equal(said.mask, run.outlines.get(sample))
            shown += said.mask.any() and not said.mask.all()
    assert shown > COUNT / 4  # outlines, neither empty nor full


def test_the_ensemble_says_the_mean_of_its_folds(runs: dict[str, Run]) -> None:
    for run in runs.values():
        images = np.load(run.prepared / "images.npy")[:5]
        folds = [alone(run, fold).maps(images) for fold in (0, 1)]
        found = run.trained.learner.maps(images)
        assert found.dtype == np.float32 and found.shape == images.shape
        np.testing.assert_allclose(found, np.mean(folds, axis=0), atol=1e-6)
        assert not np.array_equal(folds[0], folds[1])


def test_neighbours_are_those_that_are_given_and_the_ends_stand_for_themselves(runs) -> None:
    learner = runs["sau_net"].trained.learner
    images = np.load(runs["sau_net"].prepared / "images.npy")[:3]
    first, second, last = images
    wanted = [[first, first, second], [first, second, last], [second, last, last]]
    np.testing.assert_array_equal(learner._beside(images), np.array(wanted))
    found = learner.maps(images)
    single = np.concatenate([learner.maps(images[at : at + 1]) for at in range(3)])
    assert not np.array_equal(found, single)  # what lies beside a slice tells
    for name in ("penn", "unet"):  # no other network looks beside a slice
        plain = runs[name].trained.learner
        assert plain._beside(images).shape == (3, 1, SIDE, SIDE)
        np.testing.assert_allclose(plain.maps(images), plain.maps(images[::-1])[::-1], atol=1e-6)


def test_more_slices_than_pass_at_once_keep_their_neighbours(runs, monkeypatch) -> None:
    for name in ("sau_net", "penn"):
        learner = runs[name].trained.learner
        images = np.load(runs[name].prepared / "images.npy")[:7]
        whole = learner.maps(images)
        monkeypatch.setattr("osteon.recipes.outliner.AT_ONCE", 3)
        np.testing.assert_allclose(learner.maps(images), whole, atol=1.01 / 255)
        monkeypatch.undo()


def test_files_are_read_as_pixels_are(runs: dict[str, Run], tmp_path: Path) -> None:
    learner = runs["unet"].trained.learner
    grey = (runs["unet"].archive.pixels(0) // 256).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "slice.png")
    read, given = (learner.outline([one])[0] for one in (tmp_path / "slice.png", grey))
    np.testing.assert_array_equal(read.mask, given.mask)
    assert np.abs(read.probability - given.probability).max() < 0.05
    assert learner.outline([str(tmp_path / "slice.png")])[0].mask.shape == (ROWS, COLUMNS)


def test_slices_of_other_sizes_are_outlined_on_their_own_pixels(runs: dict[str, Run]) -> None:
    rng = np.random.default_rng(0)
    sizes = [(17, 60), (200, 90), (SIDE, SIDE)]
    given = [rng.integers(0, 65536, size).astype(np.uint16) for size in sizes]
    for run in runs.values():
        found = run.trained.learner.outline(given)
        assert [one.mask.shape for one in found] == sizes
        for one in found:
            assert one.probability.min() >= 0 and one.probability.max() <= 1


@pytest.mark.parametrize("given", [[], "slice.png", Path("slice.png"), ()], ids=repr)
def test_anything_but_a_list_of_slices_is_refused(runs: dict[str, Run], given) -> None:
    with pytest.raises(ValueError, match=r"slices: .* found, a list of one slice or more"):
        runs["unet"].trained.learner.outline(given)


def test_slices_that_cannot_be_prepared_are_refused(runs: dict[str, Run]) -> None:
    learner = runs["unet"].trained.learner
    with pytest.raises(Refused, match="missing_file"):
        learner.outline([Path("no/such/slice.dcm")])
    hu = np.full((20, 20), -1000, np.int16)  # below 5 % of a percentile means nothing in HU
    with pytest.raises(ValueError, match=r"water|HU|background"):
        learner.outline([hu])
