"""Each contradiction goes away when the numbers are made consistent, and only then."""

import copy
import json
import re

import pytest

from osteon.claims.contradictions import ambiguous, contradictions
from osteon.claims.contradictions.sums import Checked
from osteon.claims.published import PAPERS, Published, numbers, read_published

FUSION, ALEXNET, SMSDNET, WFF, PENN = PAPERS
SEGMENTERS = ("unet", "d_tvnet", "multiresunet", "sau_net", "op_convnet", "penn")
# Statements that hold once the recomputed number is printed: where, and with how many decimals.
REPRINTED = {
    FUSION: {
        "headline_accuracy": ("conclusion_accuracy.fusion", 4),
        "abstract_names_alp_and_ldh": ("abstract_accuracy.alp_ldh", 4),
        "mean_of_four_metrics_all": ("contributions_accuracy.fusion", 4),
        "mean_of_four_metrics_baseline": ("contributions_accuracy.baseline", 4),
        "delta_ldh_recall": ("text_deltas_pp.ldh.recall", 2),
    },
    ALEXNET: {
        "number_of_methods": ("text.methods", 0),
        "kinds_of_tumour": ("text.kinds_shown", 0),
        **{
            f"{name}_{model}": (f"table2.{model}.{column}", 2)
            for model in ("alexnet_bn", "googlenet")
            for name, column in {
                "accuracy_at_prevalence": "accuracy",
                "f1_malignant_positive": "f1",
                "f1_benign_positive": "f1",
            }.items()
        },
    },
    SMSDNET: {
        "auc_of_the_discussion": ("discussion.auc_os", 3),
        **{
            f"mirror_{name}": (f"table1.osteosarcoma.{name}", 3)
            for name in ("auc", "sensitivity", "specificity", "accuracy")
        },
    },
    WFF: {
        "age_takes_time": ("table4_seconds.wff_mri_age", 3),
        "images_per_sequence": ("text.images_per_sequence", 0),
        "one_location_a_patient": ("cohort.patients", 0),
    },
    PENN: {
        "patches": ("protocol.patches.total", 0),
        "batches_against_total": ("protocol.patches.total", 0),
        "tumour_share": ("protocol.ratio_after.tumor", 1),
        "slices": ("cohort.acquisition.slices", 0),
        **{
            name: ("protocol.ratio_before.tumor", 2)
            for name in ("test_prevalence_penn", "test_prevalence_multiresunet_or_plain_sae")
        },
        **{f"f1_{row}": (f"table1.{row}.f1", 1) for row in ("penn", "multiresunet_or_plain_sae")},
        **{f"dice_is_f1_{row}": (f"table2.{row}.dice", 1) for row in SEGMENTERS},
        **{f"iou_from_dice_{row}": (f"table2.{row}.iou", 1) for row in SEGMENTERS},
    },
}
WHOLE = {  # accuracies that are counts of 2,608 images
    f"table1_resnet18.{row}.accuracy": round((2461 + step) / 2608, 4)
    for step, row in enumerate(read_published(FUSION)["table1_resnet18"])
}
GREAT_GAIN = {
    f"table3.det_seq_age.{k}": v for k, v in {"se": 0.9, "sp": 0.944, "acc": 0.929}.items()
}
# Statements that hold after these changes.
CHANGED = {
    FUSION: {
        "every_variant_beats_baseline": {"table1_resnet18.gender.precision": 0.9589},
        "gender_age_beats_age_accuracy": {"table1_resnet18.gender_age.accuracy": 0.9644},
        "alp_ldh_beats_alp_precision": {"table1_resnet18.alp_ldh.precision": 0.9705},
        "alp_ldh_beats_age_accuracy": {"table1_resnet18.alp_ldh.accuracy": 0.9644},
        "alp_beats_age_accuracy": {"table1_resnet18.alp.accuracy": 0.9644},
        "accuracies_are_counts_of_images": WHOLE,
    },
    ALEXNET: {
        "folds_against_hold_out": {"protocol.train": 450, "protocol.test": 50},
        "modality": {"text.modality": {"title": "MRI", "caption of Fig. 3": "MRI"}},
        "accuracy_between_alexnet_bn": {"table2.alexnet_bn.accuracy": 97.26},
        "accuracy_between_googlenet": {"table2.googlenet.accuracy": 92.58},
        "prevalence_behind_f1_alexnet_bn": {"table2.alexnet_bn.f1": 94.47},
        "prevalence_behind_f1_googlenet": {"table2.googlenet.f1": 91.11},
        "auc_floor_alexnet_bn": {"table3_auc.alexnet_bn": 0.932},
        "auc_floor_googlenet": {"table3_auc.googlenet": 0.892},
        "accuracy_is_a_count_alexnet_bn": {"table2.alexnet_bn.accuracy": 98.33},  # 295/300
        "accuracy_is_a_count_googlenet": {"table2.googlenet.accuracy": 96.5},  # 193/200
    },
    SMSDNET: {
        "auc_in_interval_osteosarcoma": {"table1.osteosarcoma.auc": 0.842},
        "discussion_auc_in_interval": {"discussion.auc_os": 0.903},
        "accuracy_between_osteosarcoma": {"table1.osteosarcoma.accuracy": 0.824},
        "accuracy_between_giant_cell_tumor": {"table1.giant_cell_tumor.accuracy": 0.837},
        "overall_accuracy": {"abstract.overall_accuracy": 0.8155},
        "interval_width_osteosarcoma": {"table1.osteosarcoma.ci95": [0.719, 0.909]},
        "interval_width_giant_cell_tumor": {"table1.giant_cell_tumor.ci95": [0.79, 0.97]},
        "whole_patients_osteosarcoma": {"table1.osteosarcoma.accuracy": 0.838},  # (20 + 42)/74
        "whole_patients_giant_cell_tumor": {  # 20/24, 43/51, 63/75
            "table1.giant_cell_tumor.sensitivity": 0.833,
            "table1.giant_cell_tumor.specificity": 0.843,
            "table1.giant_cell_tumor.accuracy": 0.840,
        },
        "hues_differ": {"protocol.hue_offsets": [0, 2, 4]},
        "inputs_of_a_layer": {"protocol.layers_per_block": 1},
        "pooling_kinds": {"text.pooling": {"section 2.2": "max", "section 2.4": "max"}},
    },
    WFF: {
        "se_above_d1_and_d2_mri_age": {"table4.wff_mri_age.se": 0.721},
        "age_raises_auc_seq": {"table3.seq_age.auc": 0.754},
        "age_gain_significant": GREAT_GAIN,
        "age_gain_beyond_accuracy_interval": GREAT_GAIN,
        "age_gain_beyond_auc_interval": {"table3.det_seq_age.auc": 0.95},
        "test_represents_all": {"cohort.test.malignant": 75},
        "equal_images_per_class": {"cohort.train.malignant_images": 7622},
        "channels_of_the_trunk": {"protocol.pyramid_channels": [256, 512, 1024, 2048]},
    },
    PENN: {
        "validation_share": {"protocol.train_share": 0.04},
        "batches_against_classes": {"protocol.patches.tumor": 805120 - 112080},
        "equal_numbers": {"protocol.ratio_after": {"tumor": 0.5, "non_tumor": 0.5}},
        "ranks_of_d_tvnet_and_unet": {"table2.d_tvnet.f1": 79.9},
        "adults": {"cohort.age_min": 18},
    },
}
LAWS = [(paper, name) for paper in PAPERS for name in [*REPRINTED[paper], *CHANGED[paper]]]


def edited(paper, changes):
    """A paper's block with the things at some dotted paths replaced."""
    block = copy.deepcopy(read_published(paper))
    for path, value in changes.items():
        *parts, last = path.split(".")
        here = block
        for part in parts:
            here = here[part]
        assert last in here, path
        here[last] = value
    return block


def by_id(paper, block=None):
    return {one["id"]: one for one in contradictions(paper, block)}


@pytest.mark.parametrize(("paper", "name"), LAWS)
def test_consistent_numbers_make_it_hold(paper, name):
    before = by_id(paper)[name]
    assert before["holds"] is False
    if name in CHANGED[paper]:
        changes = CHANGED[paper][name]
    else:
        path, decimals = REPRINTED[paper][name]
        changes = {path: round(before["recomputed"], decimals)}
    after = by_id(paper, edited(paper, changes))[name]
    assert after["holds"] is True, after["sum"]
    assert after["sum"] != before["sum"] or after["printed"] != before["printed"]


@pytest.mark.parametrize("paper", PAPERS)
def test_what_does_not_hold_is_what_the_laws_cover(paper):
    failing = {name for name, one in by_id(paper).items() if not one["holds"]}
    assert failing == set(REPRINTED[paper]) | set(CHANGED[paper])


def leaves(tree, path=()):
    """Paths of all numbers of a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        if isinstance(value, (dict, list)):
            yield from leaves(value, (*path, key))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield (*path, key)


@pytest.mark.parametrize("paper", PAPERS)
def test_whatever_holds_can_be_broken_by_one_number(paper):
    block = read_published(paper)
    intact = {name for name, one in by_id(paper).items() if one["holds"]}
    numbers = {
        key: block[key] for key in ("cohort", "protocol", "text", *block["results"]) if key in block
    }
    for path in leaves(numbers):
        for factor in (0.1, 0.5, 0.99, 1.2, 6):
            changed = copy.deepcopy(block)
            here = changed
            for part in path[:-1]:
                here = here[part]
            here[path[-1]] *= factor
            try:
                now = by_id(paper, changed)
            except (ValueError, ZeroDivisionError, TypeError):
                continue  # a number that cannot be, such as a share above one
            intact -= {name for name, one in now.items() if not one["holds"]}
        if not intact:
            return
    assert not intact


def as_written(text):
    """The numbers of a text of ours."""
    return {float(one) for one in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", text)}


@pytest.mark.parametrize("paper", PAPERS)
def test_nothing_stands_under_printed_that_the_paper_does_not_print(paper):
    block = Published.model_validate(read_published(paper))
    blocks = ("cohort", "protocol", "text", *block.results)
    facts = {value for name in blocks if name != "text" for _, value in numbers(block.at(name))}
    facts |= {value for _, value in numbers(read_published(paper).get("text", {}))}
    for one in contradictions(paper) + ambiguous(paper):
        printed = one["printed"]
        if printed is None:
            assert "our derivation" in one["note"], one["id"]
        elif isinstance(printed, str):
            assert as_written(printed) <= facts, one["id"]
        else:
            assert printed in facts, one["id"]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_printed_number_is_read_from_the_paper_s_block(paper):
    block = read_published(paper)
    shown = contradictions(paper, block) + ambiguous(paper, block)
    typed_in = {
        one["id"]: one["printed"] for one in shown if isinstance(one["printed"], (int, float))
    }
    numbers = {
        key: block[key] for key in ("cohort", "protocol", "text", *block["results"]) if key in block
    }
    for path in leaves(numbers):
        changed = copy.deepcopy(block)
        here = changed
        for part in path[:-1]:
            here = here[part]
        old = here[path[-1]]
        if old not in typed_in.values():
            continue
        here[path[-1]] = new = old + 1 if isinstance(old, int) else old * 1.001
        for one in contradictions(paper, changed) + ambiguous(paper, changed):
            if one["printed"] == new and typed_in.get(one["id"]) == old:
                del typed_in[one["id"]]
    assert not typed_in


@pytest.mark.parametrize("name", ["errors_halved", "gain_beyond_chance_images"])
def test_what_the_fusion_paper_does_not_say_is_marked(name):
    assert by_id(FUSION)[name]["printed"] is None


def test_our_assumptions_are_not_the_paper_s_figures():
    time = by_id(PENN)["training_time"]
    assert time["printed"] is None and "our assumption" in time["note"]
    assert by_id(PENN)["adults"]["printed"] == "adults"


def test_a_check_without_a_printed_figure_says_why():
    with pytest.raises(ValueError, match="note of x: found empty"):
        Checked("x", "s", None, 1, "1 = 1", True, "Table 1")


@pytest.mark.parametrize("paper", PAPERS)
def test_no_internal_name_is_shown(paper):
    for one in contradictions(paper) + ambiguous(paper):
        for key in ("statement", "printed", "recomputed", "sum", "source", "note"):
            assert "_" not in str(one[key]), (one["id"], key)


def test_wording_with_several_readings_is_judged_by_none():
    found = {one["id"]: one for one in ambiguous(FUSION)}
    assert set(found) == {"images_per_patient", "gradient_times_more"}
    images = found["images_per_patient"]
    assert images["sum"] == (
        "2608/848 = 3.08; read as 2 times as many: 2 x 848 = 1696; "
        "read as 2 times more: 3 x 848 = 2544"
    )
    assert all(one["holds"] is None and "ambiguous" in one["note"] for one in found.values())
    assert not set(found) & set(by_id(FUSION))
    iterations = ambiguous(ALEXNET)[0]
    assert iterations["holds"] is None and "1000 x 32/450 = 71.1 passes" in iterations["sum"]
    assert [paper for paper in PAPERS if ambiguous(paper)] == [FUSION, ALEXNET]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_sum_is_shown(paper):
    found = contradictions(paper)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len({one["id"] for one in found}) == len(found)
    order = [one["holds"] for one in found]
    assert set(order) <= {True, False}
    assert order == sorted(order)
    for one in found:
        assert any(sign.isdigit() for sign in one["sum"]) or one["holds"], one["id"]
        assert one["statement"] and one["source"] and one["tolerance"]


def test_the_sums_of_the_sheets():
    found = by_id(FUSION)
    assert found["mean_of_four_metrics_all"]["sum"] == "(97.19+98.26+95.49+96.85)/4 = 96.95"
    assert found["delta_ldh_recall"]["sum"] == "92.62 - 91.44 = +1.18"
    assert (
        "[0.965, 0.978] against 0.9435 [0.934, 0.952]" in found["gain_beyond_chance_images"]["sum"]
    )
    assert (
        "[0.958, 0.981] against 0.9435 [0.926, 0.957]"
        in (found["gain_beyond_chance_patients"]["sum"])
    )
    wff = by_id(WFF)["age_gain_beyond_accuracy_interval"]["sum"]
    assert wff.startswith("112/140 [0.726, 0.858] against 115/140 [0.750, 0.876]")
    assert "20/23 and 42/51" in by_id(SMSDNET)["whole_patients_osteosarcoma"]["sum"]


def test_an_unknown_paper_is_refused():
    with pytest.raises(ValueError, match="paper: found 'x'; allowed are"):
        contradictions("x")
