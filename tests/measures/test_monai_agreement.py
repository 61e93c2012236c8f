"""Segmentation and detection give what MONAI gives; one file, since MONAI takes long to import."""

import importlib

import numpy as np
import pytest

from osteon.measures import detection, segmentation, surfaces


@pytest.fixture(scope="module")
def metrics():
    """Imported when a test asks for it: collecting the tests must not pay for it."""
    return importlib.import_module("monai.metrics")


def blobs(shape, seed):
    """A filled ellipsoid and the same one shifted and nibbled at."""
    generator = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    centre, radius = np.array(shape) / 2, np.array(shape) / generator.uniform(2.1, 5)
    first = (((grid - centre) / radius) ** 2).sum(-1) < 1
    second = np.roll(first, generator.integers(-2, 3), axis=-1)
    return first & (generator.random(shape) < 0.95), second


CASES = [
    (blobs((24, 31), 0), (1.0, 1.0)),
    (blobs((40, 18), 1), (0.68, 0.9)),
    (blobs((40, 40), 2), (3.0, 0.5)),
    (blobs((7, 20, 22), 3), (3.0, 0.68, 0.68)),
    (blobs((11, 13, 9), 4), (1.0, 1.0, 1.0)),
]


def as_tensors(pair):
    import torch

    return [torch.tensor(mask[None, None].astype(np.float32)) for mask in pair]


@pytest.mark.parametrize(("pair", "spacing"), CASES)
def test_boundary_measures_equal_monai(pair, spacing, metrics):
    said, true = as_tensors(pair)
    found = [surfaces.surface_distances(*pair, spacing)]
    for percentile in (50, 95, 100):
        theirs = metrics.compute_hausdorff_distance(
            said, true, include_background=True, percentile=percentile, spacing=list(spacing)
        )
        ours = surfaces.hausdorff(found, percentile)
        assert ours == pytest.approx(float(theirs), rel=1e-5)
    for tolerance in (0.0, 0.75, 1.5, 3.1):
        theirs = metrics.compute_surface_dice(
            said, true, [tolerance], include_background=True, spacing=list(spacing)
        )
        assert surfaces.surface_dice(found, tolerance) == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.parametrize(("pair", "spacing"), CASES)
def test_overlap_equals_monai(pair, spacing, metrics):
    said, true = as_tensors(pair)
    counts = segmentation.count(*pair)
    ours = segmentation.overlap(*(np.array(counts[name]) for name in ("tp", "fp", "fn")))
    dice = metrics.compute_dice(said, true, include_background=True)
    iou = metrics.compute_iou(said, true, include_background=True)
    assert float(ours["dice"]) == pytest.approx(float(dice), rel=1e-5)
    assert float(ours["iou"]) == pytest.approx(float(iou), rel=1e-5)
    cells = metrics.get_confusion_matrix(said, true, include_background=True)
    for name, theirs in (("precision", "precision"), ("recall", "sensitivity")):
        value = metrics.compute_confusion_matrix_metric(theirs, cells)
        assert float(ours[name]) == pytest.approx(float(value), rel=1e-5)


def images(seed, count=12):
    """Boxes of `count` images, some empty; detections near and far, scores all different."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        corner = generator.uniform(0, 80, (generator.integers(0, 4), 2))
        true = np.concatenate([corner, corner + generator.uniform(8, 30, corner.shape)], 1)
        near = np.repeat(true, 2, axis=0)
        near = near + generator.normal(0, 2.5, near.shape)
        stray = generator.uniform(0, 80, (generator.integers(0, 4), 2))
        boxes = np.concatenate([near, np.concatenate([stray, stray + 20], 1)])
        made.append((true, boxes, generator.random(len(boxes))))
    return made


def found_of(made, threshold=0.5):
    hits = [detection.match(b, s, t, threshold) >= 0 for t, b, s in made]
    return detection.Found(
        np.concatenate([s for _, _, s in made]),
        np.concatenate(hits),
        np.repeat(np.arange(len(made)), [len(b) for _, b, _ in made]),
        np.array([len(t) for t, _, _ in made]),
        np.ones(len(made), dtype=np.int64),
    )


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
def test_average_precision_equals_the_coco_metric(threshold, metrics):
    from monai.apps.detection.metrics.coco import COCOMetric
    from monai.apps.detection.metrics.matching import matching_batch
    from monai.data.box_utils import box_iou

    # MONAI divides in float32: where a recall is one of the 101, rounding would decide.
    seeds = [seed for seed in range(20) if np.gcd(sum(len(t) for t, *_ in images(seed)), 100) == 1]
    assert len(seeds) > 4
    for seed in seeds:
        made = images(seed)
        coco = COCOMetric(["lesion"], iou_list=[threshold], max_detection=[100])
        matched = matching_batch(
            iou_fn=box_iou,
            iou_thresholds=coco.iou_thresholds,
            pred_boxes=[b for _, b, _ in made],
            pred_classes=[np.zeros(len(b), int) for _, b, _ in made],
            pred_scores=[s for _, _, s in made],
            gt_boxes=[t for t, _, _ in made],
            gt_classes=[np.zeros(len(t), int) for t, _, _ in made],
        )
        theirs = float(coco(matched)[0][f"AP_IoU_{threshold:.2f}_MaxDet_100"])
        points = detection.curve(found_of(made, threshold), np.ones((1, len(made))))
        assert 0 < theirs < 1
        assert detection.average_precision(points)[0] == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_froc_curve_equals_monai(seed, metrics):
    found = found_of(images(seed))
    rates, shares = metrics.compute_froc_curve_data(
        found.score[~found.hit], found.score[found.hit], found.lesions.sum(), found.images.sum()
    )
    ours = detection.froc(found)
    # Theirs leaves out the lowest threshold and adds the one above all scores.
    np.testing.assert_allclose(ours["false_positives"][:-1], rates[::-1][1:])
    np.testing.assert_allclose(ours["sensitivity"][:-1], shares[::-1][1:])
