"""The PENN paper's tables beside ours: which level stands where, and when nothing is testable."""

import copy

import pytest

from osteon.claims.ledger import OUTSIDE, WITHIN, ledger, other_target
from osteon.claims.published import read_published
from osteon.reporting.printed import printed_values
from tests.reporting import segmentation_sample as made


def settled(source="folder", classes=("other", "tumour")):
    protocol = {"cohort": {"classes": list(classes)}, "preprocessing": {"smoothing": 2}}
    return ledger("spinal_penn", made.judged(), None, source, protocol)


def by_id(found):
    return {row["id"]: row for row in found["rows"]}


def test_patches_and_pixels_are_never_mixed():
    rows, learners = by_id(settled()), made.judged()["learners"]
    for name, group, metric in (
        ("table1.penn.precision", "patch", "precision"),
        ("table1.penn.f1", "patch", "f1"),
        ("table1_pixels.penn.dice", "pixel", "dice"),
        ("table2.penn.f1", "patch", "f1"),
        ("table2_pixels.penn.iou", "pixel", "iou"),
    ):
        ours = learners["penn"]["patient"][group][metric]
        assert rows[name]["ours"] == pytest.approx(100 * ours["value"])
        assert rows[name]["lo"] == pytest.approx(100 * ours["lo"])


def test_the_rival_of_table_1_is_the_plain_autoencoder_and_of_table_2_the_network():
    rows, learners = by_id(settled()), made.judged()["learners"]
    for name, learner in (
        ("table1_plain_pixels.multiresunet_or_plain_sae.dice", "sae_plain"),
        ("table2_pixels.multiresunet.dice", "multiresunet"),
    ):
        value = learners[learner]["patient"]["pixel"]["dice"]["value"]
        assert rows[name]["ours"] == pytest.approx(100 * value)


def test_every_printed_number_stands_once():
    rows = settled()["rows"]
    assert len(rows) == 12 + 18 == len(by_id({"rows": rows}))
    assert {row["verdict"] for row in rows} >= {WITHIN, OUTSIDE}


@pytest.mark.parametrize(
    ("source", "classes", "why"),
    [
        ("phantom", ("other", "tumour"), "synthetic patients"),
        ("folder", ("other", "vertebra"), "the run outlines vertebra, the paper tumour"),
        ("vertebral_bodies", ("other", "vertebra"), "the run outlines vertebra, the paper tumour"),
    ],
)
def test_nothing_is_testable_on_a_phantom_or_another_target(source, classes, why):
    found = settled(source, classes)
    assert not found["testable"]
    assert {row["verdict"] for row in found["rows"]} == {"not testable"}
    assert all(why in row["reason"] for row in found["rows"])


@pytest.mark.parametrize("word", ["tumor", "Spinal_tumour", "lesion"])
def test_a_tumour_by_another_name_is_one(word):
    assert other_target(["tumour", "tumor", "spinal tumour", "lesion"], ["other", word]) == ""


def test_papers_that_outline_nothing_are_not_asked_for_a_target():
    assert other_target(None, ["benign", "malignant"]) == ""
    assert other_target(["tumour"], None) == ""


def test_the_protocol_is_compared_with_the_headline_s_recipe():
    lines = {one["item"]: one for one in settled()["protocol"]}
    assert (lines["hidden layers"]["printed"], lines["hidden layers"]["ours"]) == (3, 3)
    assert not lines["hidden layers"]["differs"]
    assert (
        lines["side of a patch in px"]["ours"] == 16 and lines["side of a patch in px"]["differs"]
    )
    assert lines["smoothing in px"]["ours"] == 2
    assert lines["share of tumour in judged patches"]["ours"] == 0.024


def test_the_paper_s_own_sums_stand_in_the_ledger():
    sums = {one["id"]: one["holds"] for one in settled()["contradictions"]}
    assert sums["dice_is_f1_d_tvnet"] is False and sums["test_prevalence_penn"] is False


def test_printed_values_are_fractions_of_our_learners():
    values = printed_values(read_published("spinal_penn"))
    assert values["sae_plain"]["values"]["dice"] == pytest.approx(0.884)
    assert values["multiresunet"]["values"]["iou"] == pytest.approx(0.806)


def test_a_figure_that_is_not_defined_is_not_called_absent():
    metrics = copy.deepcopy(made.judged())
    entry = metrics["learners"]["penn"]["patient"]["patch"]["f1"]
    metrics["learners"]["penn"]["patient"]["patch"]["f1"] = entry | {"value": None}
    del metrics["learners"]["unet"]["patient"]["patch"]["f1"]
    protocol = {"cohort": {"classes": ["other", "tumour"]}}
    rows = by_id(ledger("spinal_penn", metrics, None, "folder", protocol))
    assert "not defined in this run" in rows["table2.penn.f1"]["reason"]
    assert "not in this run" in rows["table2.unet.f1"]["reason"]
