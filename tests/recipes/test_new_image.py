"""A saved learner of a field in millimetres wants the spacing of a new image, and uses it."""

import numpy as np
import pytest
import torch

from osteon.imaging.region import Region, narrowed
from osteon.imaging.resize import resize, shrink
from osteon.imaging.spacing import field_of
from osteon.measures.outlines import on_image
from osteon.recipes.artefact import FusionEnsemble, ImageEnsemble
from osteon.recipes.new_image import lay
from osteon.recipes.outliner import OutlineEnsemble
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationLearner
from tests.pipelines import penn_slices as cohort
from tests.pipelines.penn_cohort import COHORT
from tests.tiny_cohort import make_recipe

SIDE, FIELD_MM = 24, 60.0
STEP = {"size": SIDE, "resize": "letterbox", "field_mm": FIELD_MM}
SHAPE, SPACING = (44, 100), (1.5, 1.0)  # 66 mm x 100 mm: both sides are cut


def pixels(shape: tuple[int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 65536, shape).astype(np.uint16)


def card(max_side: int | None = None, **changes) -> dict:
    preprocessing = {"max_side": max_side} | PreprocessingConfig(**STEP | changes).model_dump()
    return {"preprocessing": preprocessing, "classes": ["other", "tumour"]}


def outliner(max_side: int | None = None, **changes) -> OutlineEnsemble:
    """An untrained U-Net, whose outlines are anywhere."""
    learner = SegmentationLearner.model_validate(cohort.UNET)
    recipe = cohort.RECIPE.root.for_learner(learner).fitted_to(COHORT.classes, SIDE)
    torch.manual_seed(0)
    return OutlineEnsemble(recipe, (recipe.build_network().eval(),), card(max_side, **changes))


def test_an_image_is_cut_and_laid_by_its_millimetres() -> None:
    wanted = PreprocessingConfig(**STEP)
    found = lay(pixels(), wanted, None, spacing=SPACING)
    field = field_of(SPACING, FIELD_MM)
    assert found.field == field == (40, 60) and found.given == found.kept == SHAPE
    assert found.region == Region(20, 2, 80, 42, "field")
    np.testing.assert_array_equal(
        found.pixels, resize(found.region.crop(pixels()), SIDE, "letterbox", field)
    )
    wide = lay(pixels(), wanted, None, spacing=(1.5, 3.0))
    assert not np.array_equal(wide.pixels, found.pixels) and wide.region.x1 == 60


def test_spacing_is_that_of_the_image_as_given_also_where_it_is_reduced() -> None:
    found = lay(pixels((88, 200)), PreprocessingConfig(**STEP), 100, spacing=(0.75, 0.5))
    assert found.kept == SHAPE and found.given == (88, 200)
    assert found.field == pytest.approx((40, 60))
    wanted = lay(shrink(pixels((88, 200)), 100), PreprocessingConfig(**STEP), None, spacing=SPACING)
    np.testing.assert_array_equal(found.pixels, wanted.pixels)


@pytest.mark.parametrize("spacing", [(0.0, 1.0), (1.0, float("nan")), (1.0,), 1.0, (1.0, -2.0)])
def test_a_spacing_that_is_none_is_refused(spacing) -> None:
    with pytest.raises(ValueError, match=r"spacing: .* found, two positive numbers, in mm"):
        lay(pixels(), PreprocessingConfig(**STEP), None, spacing=spacing)


def test_every_kind_of_learner_wants_the_spacing() -> None:
    said = r"spacing: none found; \(row, column\) in mm needed: .* of 60 mm"
    learner = outliner()
    with pytest.raises(ValueError, match=said):
        learner.prepare(pixels())
    with pytest.raises(ValueError, match=said):
        learner.outline([pixels()])
    with pytest.raises(ValueError, match=said):
        ImageEnsemble(learner.recipe, learner.networks, card()).predict(pixels())
    fusion = FusionEnsemble(make_recipe(), (), card())
    with pytest.raises(ValueError, match=said):
        fusion.predict(pixels(), age=15, sex="F", alp=(310, 45, 125), ldh=(290, 120, 250))


def test_each_image_of_a_patient_has_its_own_spacing(monkeypatch) -> None:
    learner = outliner()
    single, seen = ImageEnsemble(learner.recipe, learner.networks, card()), []
    monkeypatch.setattr(ImageEnsemble, "probabilities", lambda self, given: seen.append(given))
    spacings = [SPACING, (1.0, 1.0)]
    single.predict([pixels(), pixels()], spacings=spacings)
    for found, spacing in zip(seen[0], spacings, strict=True):
        np.testing.assert_array_equal(found, single.prepare(pixels(), spacing=spacing))
    assert not np.array_equal(*seen[0])
    with pytest.raises(ValueError, match="2 found with 2 masks, 2 boxes and 1 spacings"):
        single.predict([pixels(), pixels()], spacings=[SPACING])


def test_outlines_lie_on_the_image_s_own_pixels_and_not_beyond_the_field() -> None:
    learner = outliner()
    maps = learner.maps(learner.prepare(pixels(), spacing=SPACING)[None])
    (found,) = learner.outline([pixels()], spacing=SPACING)
    field = field_of(SPACING, FIELD_MM)
    part = narrowed(Region(0, 0, SHAPE[1], SHAPE[0], "whole"), field)
    crop = (part.x0, part.y0, part.x1, part.y1)
    wanted = on_image(maps[0], SHAPE, crop, SIDE, "letterbox", field)
    np.testing.assert_array_equal(found.probability, wanted)
    beyond = np.ones(SHAPE, bool)
    beyond[2:42, 20:80] = False
    assert not found.probability[beyond].any() and found.probability[~beyond].all()


def test_outlines_of_a_reduced_image_have_its_own_size() -> None:
    learner, large = outliner(max_side=100), np.repeat(np.repeat(pixels(), 2, 0), 2, 1)
    (found,) = learner.outline([large], spacing=(0.75, 0.5))
    (plain,) = outliner().outline([pixels()], spacing=SPACING)
    assert found.probability.shape == found.mask.shape == (88, 200)
    inner = np.s_[8:-8, 44:-44]
    difference = found.probability - np.repeat(np.repeat(plain.probability, 2, 0), 2, 1)
    assert np.abs(difference[inner]).mean() < 0.05
    assert not found.probability[:, :36].any() and found.probability[inner].all()


def test_without_a_field_the_spacing_is_not_looked_at() -> None:
    learner = outliner(field_mm=None)
    first, second = (learner.outline([pixels()], spacing=one)[0] for one in (None, (9.0, 0.1)))
    np.testing.assert_array_equal(first.probability, second.probability)
