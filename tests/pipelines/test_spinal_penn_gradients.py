"""Gradients of the row: slices with a patch of the target, each by the fold that held it out."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from osteon.explaining.store import Maps
from osteon.pipelines.spinal_penn.explaining import _gradients
from osteon.pipelines.spinal_penn.gradients import explain_patches
from osteon.recipes.explainability import ExplainabilityConfig
from osteon.reporting.saliency_gallery import choose_saliency, saliency_gallery
from tests.pipelines import penn_slices as cohort
from tests.pipelines.penn_cohort import COHORT
from tests.tiny_slices import SIDE

CONFIG = ExplainabilityConfig(randomisations=2, rounds=50)


def model():
    torch.manual_seed(0)
    recipe = cohort.RECIPE.root
    networks = tuple(recipe.build_network().eval() for _ in range(2))
    card = {"folds": [{"fold": 0}, {"fold": 1}], "data_hash": "d", "split_hash": "s"}
    return SimpleNamespace(recipe=recipe, networks=networks, card=card)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return cohort.store(tmp_path_factory.mktemp("row") / "store")


def explained(store, config=CONFIG, **changes):
    judged = cohort.splits().assign(learner="penn", paper="spinal_penn")
    given = {
        "samples": cohort.samples(), "judged": judged, "prepared": store, "cohort": COHORT,
        "config": config, "model": model(),
    }  # fmt: skip
    return explain_patches(**given | changes)


def test_only_slices_with_a_patch_of_the_target_are_asked(store):
    build, scores, summary = explained(store)
    masks = np.load(store / "masks.npy")
    plan = cohort.RECIPE.root.plan(1, (2,))
    wanted = {
        f"I{row:02d}": count
        for row, mask in enumerate(masks)
        if (count := int((plan.label(mask, 1) == 1).sum()))
    }
    assert 0 < len(wanted) < len(masks)
    assert dict(zip(scores["sample_id"], scores["patches"], strict=True)) == wanted
    assert (scores["fold"] == scores["patient_id"].str[1:].astype(int) % 2).all()
    assert set(summary["methods"]) == {"penn"} and set(summary["methods"]["penn"]) == {"gradient"}
    assert explained(store)[0].digest == build.digest
    assert explained(store, ExplainabilityConfig(seed=1))[0].digest != build.digest


def test_no_more_slices_are_asked_than_may_be_checked(store):
    _, scores, _ = explained(store, ExplainabilityConfig(checked_images=3, rounds=50))
    assert 0 < len(scores) <= 3 and scores["patient_id"].is_unique
    _, none, summary = explained(store, ExplainabilityConfig(checked_images=0))
    assert not len(none) and summary["methods"] == {}


def test_the_gallery_shows_both_maps_and_the_verdict_and_hides_what_must_be(
    store, tmp_path, monkeypatch
):
    monkeypatch.setattr("osteon.reporting.figures.sheet.contact_sheet", lambda *given: given)
    build, scores, summary = explained(store)
    build.write(tmp_path)
    hidden = {scores["sample_id"][0]}
    seen = choose_saliency(scores, hidden, 4)
    assert seen["patient_id"].is_unique and not hidden & set(seen["sample_id"])
    assert seen["patches"].is_monotonic_decreasing and len(seen) == 4
    cases = _gradients(seen, cohort.samples(), store, Maps(tmp_path), 1)
    page, _ = saliency_gallery(cases, "tumour", "penn", summary)
    verdict = summary["methods"]["penn"]["gradient"]["verdict"]
    assert f"Verdict by rule: {verdict}." in page["caption"] and "PENN" in page["caption"]
    assert [len(case["tiles"]) for case in page["cases"]] == [3] * 4
    assert page["cases"][0]["tiles"][2]["caption"] == "gradient, weights shuffled"
    assert f"{seen['patches'].iloc[0]} patches asked" in page["cases"][0]["text"]
    told = re.sub(r"base64,[A-Za-z0-9+/=]+", "", str(page))
    assert not any(sample in told for sample in seen["sample_id"])
    maps = Maps(tmp_path)
    assert maps.get("gradient", seen["sample_id"].iloc[0]).shape == (SIDE, SIDE)


def test_without_scores_the_gallery_is_empty(monkeypatch):
    monkeypatch.setattr("osteon.reporting.figures.sheet.contact_sheet", lambda *given: given)
    assert _gradients(None, pd.DataFrame(), None, None, 1) == []
    page, _ = saliency_gallery([], "tumour", "penn", {})
    assert page["cases"] == [] and "Verdict" not in page["caption"]
