from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from osteon.explaining.cases import choose_checked, explain_learner
from osteon.explaining.gradcam import grad_cam
from osteon.explaining.subject import Explained
from osteon.explaining.summary import FOLLOWS, summarise
from osteon.recipes.explainability import ExplainabilityConfig
from tests.explaining_blobs import BlobNet, Blobs, image_only, make_subject

CONFIG = ExplainabilityConfig(
    steps=8, randomisations=3, checked_images=24, deletion_steps=10, batch=10, rounds=200
)


@pytest.fixture(scope="module")
def explained(blob_net: BlobNet, blobs: Blobs) -> Explained:
    return explain_learner(make_subject(blob_net, blobs), CONFIG)


def test_every_case_is_explained_once_a_method(explained: Explained, blobs: Blobs) -> None:
    scores = explained.scores
    assert scores.groupby("method", sort=False)["sample_id"].nunique().to_dict() == {
        "grad_cam": 64,
        "integrated_gradients": 64,
    }
    assert len(scores) == 128 and scores["has_lesion"].dtype == bool
    assert scores["has_lesion"].sum() == 64
    assert (
        scores.loc[~scores["has_lesion"], ["pointing", "energy", "iou", "lesion_share"]]
        .isna()
        .all(None)
    )
    assert scores.loc[scores["has_lesion"], ["pointing", "energy", "iou"]].notna().all(None)
    for method, side in (("grad_cam", 16), ("integrated_gradients", 32)):
        assert explained.maps[method].shape == (64, side, side)
        assert explained.maps[method].dtype == np.float16


def test_maps_lie_in_the_order_of_the_samples(
    explained: Explained, blob_net: BlobNet, blobs: Blobs
) -> None:
    found = grad_cam(blob_net, "features", (blobs.image, blobs.clinical), 1, signed=True)
    wanted = found / found.abs().amax((1, 2), keepdim=True).clamp(min=1e-12)
    np.testing.assert_allclose(explained.maps["grad_cam"], wanted.numpy(), atol=1e-3)
    first = explained.scores[explained.scores["method"] == "grad_cam"]["sample_id"]
    assert first.tolist() == [f"s{i}" for i in range(64)]


def test_each_case_is_explained_by_the_network_that_did_not_see_it(
    blob_net: BlobNet, blobs: Blobs
) -> None:
    other = BlobNet()
    mixed = explain_learner(
        make_subject(blob_net, blobs, networks={0: blob_net, 1: other}),
        CONFIG.model_copy(update={"methods": ("grad_cam",), "randomisations": 0}),
    )
    with torch.no_grad():
        per_network = [
            torch.softmax(net.eval()(blobs.image, blobs.clinical), 1)[:, 1].numpy()
            for net in (blob_net, other)
        ]
    fold = mixed.scores["fold"].to_numpy()
    wanted = np.where(fold == 0, per_network[0], per_network[1])
    np.testing.assert_allclose(mixed.scores["probability"], wanted, atol=1e-6)
    weights = [net.head.weight[1, 8].item() for net in (blob_net, other)]
    gradients = mixed.attributions["gradient"]
    np.testing.assert_allclose(gradients, np.where(fold == 0, *weights), rtol=1e-5)
    assert mixed.scores["randomised_correlation"].isna().all()


def test_costly_checks_are_made_on_the_drawn_cases_only(explained: Explained) -> None:
    scores = explained.scores.set_index(["method", "sample_id"])
    for method in ("grad_cam", "integrated_gradients"):
        assert scores.loc[method, "deletion"].notna().sum() == 24
        assert scores.loc[method, "deletion_random"].notna().sum() == 24
    np.testing.assert_array_equal(
        scores.loc["grad_cam", "insertion_random"],
        scores.loc["integrated_gradients", "insertion_random"],
    )
    assert scores.loc["integrated_gradients", "randomised_correlation"].notna().sum() <= 24
    assert scores.loc["grad_cam", "randomised_correlation"].notna().sum() > 50


def test_batches_decide_nothing(explained: Explained, blob_net: BlobNet, blobs: Blobs) -> None:
    # Only the shuffled networks' normalisation is taken from a first batch.
    config = CONFIG.model_copy(update={"batch": 64})
    again = explain_learner(make_subject(blob_net, blobs), config)
    columns = ["energy", "iou", "deletion", "insertion_random", "probability"]
    np.testing.assert_allclose(again.scores[columns], explained.scores[columns], atol=1e-3)
    pd.testing.assert_frame_equal(again.attributions, explained.attributions, atol=1e-5)


def test_a_letterbox_is_scored_without_its_bars(blob_net: BlobNet, blobs: Blobs) -> None:
    everything = np.ones((60, 30), np.uint8)
    subject = make_subject(blob_net, blobs, lesion=lambda i: everything, mode="letterbox")
    found = explain_learner(subject, CONFIG.model_copy(update={"checked_images": 0})).scores
    assert (found["lesion_share"] == 1).all()


def test_a_lesion_outside_the_crop_is_no_lesion_and_is_counted(
    blob_net: BlobNet, blobs: Blobs
) -> None:
    """Of the 32 lesions every other one lies where the network was given nothing."""

    def lesion(i: int) -> np.ndarray | None:
        return blobs.mask[i] * bool(i % 4 == 1) if blobs.label[i] else None

    subject = make_subject(blob_net, blobs, lesion=lesion)
    config = CONFIG.model_copy(update={"methods": ("grad_cam",), "checked_images": 0})
    explained = explain_learner(subject, config)
    scores = explained.scores
    assert scores["lesion_outside"].dtype == bool == scores["has_lesion"].dtype
    assert scores["has_lesion"].sum() == scores["lesion_outside"].sum() == 16
    assert not (scores["has_lesion"] & scores["lesion_outside"]).any()
    assert not (scores["lesion_outside"] & (scores["label"] == 0)).any()
    elsewhere = scores[scores["lesion_outside"]]
    assert elsewhere[["pointing", "energy", "iou", "lesion_share"]].isna().all(None)
    one = summarise(scores, explained.attributions, rounds=100)["methods"]["blob"]["grad_cam"]
    assert (one["n_with_lesion"], one["n_lesion_outside"], one["pointing"]["n"]) == (16, 16, 16)


@pytest.mark.parametrize("logits", [1, 2, 3])
def test_a_network_of_the_image_alone_is_explained_by_its_last_class(
    blob_net: BlobNet, blobs: Blobs, logits: int
) -> None:
    network = image_only(blob_net, logits)
    subject = make_subject(
        network,
        blobs,
        read=lambda index: (blobs.image[index],),
        target=max(1, logits - 1),
        features=(),
        baseline=np.zeros(0, np.float32),
    )
    config = CONFIG.model_copy(update={"checked_images": 6, "randomisations": 1})
    found = explain_learner(subject, config)
    with torch.no_grad():
        given = network(blobs.image).softmax(1)[:, -1] if logits > 1 else None
        given = network(blobs.image).sigmoid()[:, 0] if given is None else given
    scores = found.scores[found.scores["method"] == "grad_cam"]
    np.testing.assert_allclose(scores["probability"], given, atol=1e-6)
    assert found.attributions.empty and scores["randomised_correlation"].notna().any()
    assert found.scores.groupby("method")["deletion"].count().eq(6).all()
    # The same places, whether two logits, their difference or three of them say it.
    pointing = scores.loc[scores["has_lesion"], "pointing"].mean()
    assert pointing > 0.9
    assert summarise(found.scores, found.attributions, rounds=50)["clinical"] == {}


def test_checked_cases_are_balanced_and_spread_over_patients() -> None:
    samples = pd.DataFrame(
        {"patient_id": np.arange(90) // 3, "label": (np.arange(90) >= 75).astype(int)}
    )
    chosen = samples[choose_checked(samples, 20, seed=0)]
    assert chosen["label"].value_counts().to_dict() == {0: 10, 1: 10}
    assert chosen[chosen["label"] == 0]["patient_id"].nunique() == 10
    assert chosen[chosen["label"] == 1]["patient_id"].nunique() == 5
    assert choose_checked(samples, 60, 0).sum() == 60
    assert choose_checked(samples, 500, 0).all() and not choose_checked(samples, 0, 0).any()


def test_the_summary_judges_a_network_that_found_the_blobs(explained: Explained) -> None:
    found = summarise(explained.scores, explained.attributions, rounds=200, ratio=("alp", "alp"))
    one = found["methods"]["blob"]["grad_cam"]
    assert one["verdict"] == FOLLOWS
    assert one["pointing"]["value"] > 0.9 > one["randomised_pointing"]["value"]
    assert one["chance"]["value"] < 0.1 and one["pointing"]["n"] == one["n_with_lesion"] == 32
    assert one["deletion"]["value"] < one["deletion_random"]["value"]
    assert (one["n_images"], one["n_patients"]) == (64, 32)
    clinical = found["clinical"]["blob"]
    assert clinical["ratio_alp_ldh"]["gradient"]["value"] == pytest.approx(1)
    assert clinical["features"]["alp"]["gradient"]["n"] == 64


def test_without_masks_lesion_scores_are_absent_and_it_is_said(
    blob_net: BlobNet, blobs: Blobs
) -> None:
    subject = replace(
        make_subject(blob_net, blobs), lesion=lambda i: None, features=(), baseline=np.zeros(0)
    )
    subject = replace(subject, networks={0: blob_net, 1: blob_net})
    explained = explain_learner(subject, CONFIG)
    assert explained.attributions.empty
    found = summarise(explained.scores, explained.attributions, rounds=100)
    one = found["methods"]["blob"]["integrated_gradients"]
    assert one["pointing"] == {"value": None, "lo": None, "hi": None, "n": 0, "patients": 0}
    assert one["n_with_lesion"] == 0 and "No lesion is drawn" in one["note"]
    assert one["deletion"]["value"] is not None and found["clinical"] == {}


def test_a_map_that_ignores_the_weights_is_called_worthless(blobs: Blobs) -> None:
    class Blind(torch.nn.Module):
        """Its map is the image, whatever its weight is."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Identity()
            self.weight = torch.nn.Parameter(torch.ones(5))

        def forward(self, image: torch.Tensor, clinical: torch.Tensor) -> torch.Tensor:
            return self.layer(image).mean((1, 2, 3))[:, None] * self.weight.mean()

    without = {"features": (), "baseline": np.zeros(0, np.float32)}
    subject = make_subject(Blind(), blobs, layer="layer", **without)
    scores = explain_learner(subject, CONFIG.model_copy(update={"methods": ("grad_cam",)}))
    found = summarise(scores.scores, scores.attributions.iloc[:0], rounds=100)
    assert found["methods"]["blob"]["grad_cam"]["verdict"].startswith("worthless")


def test_means_ratios_and_intervals_are_those_of_the_table() -> None:
    rng = np.random.default_rng(0)
    count = 400
    patient = np.repeat(np.arange(count // 2), 2)
    scores = pd.DataFrame(
        {
            "sample_id": np.arange(count).astype(str), "patient_id": patient, "learner": "a",
            "method": "grad_cam", "label": patient % 2, "has_lesion": True,
            "lesion_outside": False, "empty_map": False, "cells": 49,
            **{name: rng.random(count) for name in (
                "pointing", "energy", "iou", "lesion_share", "deletion", "deletion_random",
                "insertion", "insertion_random", "randomised_correlation", "randomised_pointing",
                "randomised_energy")},
        }
    )  # fmt: skip
    scores.loc[:9, "iou"] = np.nan
    cases = scores[["sample_id", "patient_id", "learner"]]
    alp, ldh = rng.normal(size=(2, count, 3)) * np.array([[[2]], [[1]]])
    attributions = pd.concat(
        [
            cases.assign(feature=name, gradient=v[:, 0], grad_x_input=v[:, 1], integrated=v[:, 2])
            for name, v in (("alp", alp), ("ldh", ldh))
        ]
    )
    found = summarise(scores, attributions, rounds=1000, seed=1)
    one = found["methods"]["a"]["grad_cam"]
    assert one["iou"]["value"] == pytest.approx(scores["iou"].mean()) and one["iou"]["n"] == 390
    error = scores.groupby("patient_id")["energy"].mean().std() / np.sqrt(count / 2)
    assert one["energy"]["hi"] - one["energy"]["lo"] == pytest.approx(3.92 * error, rel=0.15)
    clinical = found["clinical"]["a"]
    ratio = clinical["ratio_alp_ldh"]["grad_x_input"]
    wanted = np.abs(alp[:, 1]).mean() / np.abs(ldh[:, 1]).mean()
    assert ratio["value"] == pytest.approx(wanted) and ratio["lo"] < wanted < ratio["hi"]
    assert clinical["features"]["ldh"]["direction"]["value"] == pytest.approx(ldh[:, 0].mean())
    renamed = scores.assign(patient_id=scores["patient_id"].map(lambda p: f"x{(p * 7919) % 977}"))
    again = summarise(renamed, attributions.iloc[:0], rounds=1000, seed=1)
    assert again["methods"]["a"]["grad_cam"]["energy"] == one["energy"]


def test_a_learner_without_both_labs_has_no_ratio(explained: Explained) -> None:
    found = summarise(explained.scores, explained.attributions, rounds=100)
    assert found["clinical"]["blob"]["ratio_alp_ldh"] is None


def test_what_does_not_fit_is_named(blob_net: BlobNet, blobs: Blobs) -> None:
    with pytest.raises(ValueError, match=r"none for fold \[1\]"):
        make_subject(blob_net, blobs, networks={0: blob_net})
    with pytest.raises(ValueError, match="baseline has 1 values; features has 2"):
        make_subject(blob_net, blobs, features=["alp", "ldh"])
    with pytest.raises(ValueError, match="patient_id"):
        make_subject(
            blob_net, blobs, samples=pd.DataFrame({"sample_id": [], "label": [], "fold": []})
        )
    empty = make_subject(blob_net, blobs)
    with pytest.raises(ValueError, match="at least one case"):
        explain_learner(replace(empty, samples=empty.samples.iloc[:0]), CONFIG)


def test_the_configuration_refuses_typos() -> None:
    with pytest.raises(ValueError, match="step"):
        ExplainabilityConfig.model_validate({"step": 3})
    with pytest.raises(ValueError, match="methods"):
        ExplainabilityConfig(methods=())
