"""The model card of networks that outline: no answer of the other task, none that breaks."""

import copy
import re

import pytest

from osteon.claims.ledger import ledger
from osteon.reporting.card import items
from osteon.reporting.card.facts import ANSWERS, OUTLINING
from osteon.reporting.card.model_card import model_card, to_markdown
from osteon.reporting.run import run_facts
from tests.reporting import sample
from tests.reporting import segmentation_sample as made

PARAMETERS = {
    "splitting": {"folds": 3, "seed": 0},
    "preprocessing": {
        "size": 96,
        "resize": "letterbox",
        "percentiles": [1, 99.5],
        "background": "share",
        "smoothing": 0.5,
    },
}


def card(source="phantom", **changes):
    metrics = copy.deepcopy(made.judged())
    metrics["data"]["source"] = source
    protocol = {"cohort": {"classes": ["other", "tumour"]}}
    given = {
        "paper": "spinal_penn",
        "metrics": metrics,
        "certificate": sample.certificate() | {"folds": [0, 1, 2]},
        "ledger": ledger("spinal_penn", metrics, None, source, protocol),
        "cohort": made.cohort(),
        "run": run_facts(["kedro"], metrics["training"]),
        "explanations": {},
        "parameters": PARAMETERS,
        "artefacts": {"data/06_models/spinal_penn/penn/model": "a" * 64},
    }
    return model_card(**(given | changes))


def answer(found, topic, name="claim_2024"):
    return next(one["value"] for one in found["checklists"][name]["items"] if topic in one["topic"])


def test_every_answer_here_replaces_one_that_is_there():
    assert items.SOURCES and set(OUTLINING) <= set(ANSWERS)


@pytest.mark.parametrize("source", ["phantom", "folder", "vertebral_bodies"])
def test_no_answer_is_of_telling_classes_apart(source):
    text = to_markdown(card(source))
    assert not re.search(r"AUROC|DeLong|McNemar|classify|Brier|Youden", text)
    for line in re.findall(r"^\| \S+ \|.*not in this run.*$", text, re.MULTILINE):
        assert "explanations" in line, line


def test_the_card_tells_threshold_post_processing_patches_and_edges():
    found = card()
    text = to_markdown(found)
    for words in (
        "which pixels are tumour",
        "called from 0.5, parts below 64 px dropped, holes filled",
        "at stride 4 px, beyond its edges it is reflected",
        "side 16 px, stride 8 px, called tumour by the rule fraction at 0.6",
        "thinned out in training to a share of 0.6, never where judged",
        "pretrained layer by layer as autoencoders without labels (penn, sae_plain): 4 epochs",
        "Empty masks: both masks empty",
        "label maps go the same way by the nearest pixel",
        "grey values cut at percentiles 1 and 99.5",
    ):
        assert words in text, words
    assert "stratified by class" not in answer(found, "assigned to parts")


def test_performance_is_dice_with_patches_apart():
    rows = {row["learner"]: row for row in card()["performance"]}
    own = made.judged()["learners"]["penn"]["patient"]
    assert rows["penn"]["dice"].startswith(f"{own['pixel']['dice']['value']:.3f} (")
    assert rows["penn"]["patch_f1"].startswith(f"{own['patch']['f1']['value']:.3f} (")
    assert "| learner | patients | dice | iou | nsd | hd95 mm | patch f1 |" in to_markdown(card())


def test_strata_stand_as_subgroups():
    rows = card()["subgroups"]
    assert len(rows) == 2 * 2 + 2 * 2  # the third level has two patients
    assert min(row["n_patients"] for row in rows) == 5
    assert "here only those of 3 patients or more" in to_markdown(card())
    assert rows[0]["subgroup"] == "size: 8 to 15 mm" and rows[0]["dice"].startswith("0.500")


def test_slices_that_were_not_taken_are_told():
    cohort, topic = made.cohort(), "which part of the data is used"
    assert "nothing was sampled" in answer(card(cohort=cohort), topic)
    slices = {"choice": "even", "series": 5, "frames": 333, "chosen": 180}
    cohort["preparation"] = {"slices": slices, "left_out": {"it shows one grey only": 2}}
    assert answer(card(cohort=cohort), topic).startswith(
        "180 of 333 kept slices: of those with a label map, chosen by rule (even); left out: 2 (it "
        "shows one grey only)"
    )


def test_limits_follow_from_dice_and_from_patches():
    rules = {one["rule"]: one["text"] for one in card()["limitations"]}
    assert rules["not_beyond_reference"] == "No learner is shown to beat unet."
    assert "no target wider than 9.5 mm" in rules["patches_at_natural_share"]
    assert "calibration" not in rules
    assert rules["small_sample"].startswith("Small sample: 24 patients with a lesion")


def test_without_patches_nothing_is_said_of_them():
    metrics = copy.deepcopy(made.judged())
    for one in metrics["learners"].values():
        del one["patient"]["patch"]
    del metrics["lesions"]
    found = card(metrics=metrics)
    assert "patches_at_natural_share" not in {one["rule"] for one in found["limitations"]}
    assert found["performance"][0]["patch_f1"] == "not defined"


def test_a_hold_out_has_no_spread_over_folds():
    metrics = copy.deepcopy(made.judged())
    for one in metrics["training"].values():
        one["folds"] = one["folds"][:1]
    found = card(metrics=metrics, certificate=sample.certificate() | {"folds": [0]})
    assert "one hold-out: no spread over folds" in to_markdown(found)


def test_settings_of_a_network_read_as_words():
    text = to_markdown(card())
    assert "lambda_: 0.001, beta: 1.0, rho: 0.05 or lambda_: 0.0, beta: 0.0" in text
    assert "{" not in text.split("## Intended use")[0]
