"""From the tables of all learners to the report's figures, tables and drawings."""

import json

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.errors import CohortError
from osteon.measures.patch_audit import patch_gap
from osteon.measures.segmentation import overlap
from osteon.pipelines.spinal_penn.evaluating import evaluate_segmenters
from osteon.pipelines.spinal_penn.outlining import measure_lesions, outline
from osteon.pipelines.spinal_penn.tabulating import tabulate_as_published, tabulate_grid
from osteon.recipes.evaluation import EvaluationConfig
from osteon.reporting.figures.grid_charts import paper_figures
from tests.pipelines import penn_cohort as cohort

CONFIG = EvaluationConfig(rounds=60, reference=("unet", "3x200"), prevalences=(0.06, 0.4, 0.5))
SHIFTS = {"penn": 1, "sae_plain": 3, "unet": 2}
SKIPPED = {"status": "skipped", "reason": "not asked for", "folds": []}
RECORD = {"status": "trained", "recipe": {"network": cohort.NETWORK}, "folds": []}
HISTORY = pd.DataFrame(
    {
        "fold": 0,
        "stage": ["layer_1", "layer_1", "training"],
        "epoch": [0, 1, 0],
        "loss": [9.0, 3.0, 0.7],
    }
)
PATCH_SPLIT = patch_gap([[8, 1, 2, 9]] * 6, [[6, 1, 4, 9]] * 6, 50, 0) | {
    "patches": 500,
    "folds": 3,
    "target_share": 0.4,
}


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """What evaluation reads, by the row's own functions; no test alters it."""
    folder = tmp_path_factory.mktemp("row")
    archive, store = cohort.Labelled(cohort.label_maps()), cohort.prepared(folder / "store")
    tables = {}
    for name, shift in SHIFTS.items():
        maps = cohort.maps(folder / name, shift, own_patches=name == "penn")
        patients, patches, _, thresholds, _ = outline(
            maps, cohort.judged(name), cohort.samples(), archive, store,
            cohort.COHORT, cohort.PREPROCESSING, cohort.RECIPE,
        )  # fmt: skip
        tables |= {
            f"{name}__segmentations": patients,
            f"{name}__patches": patches,
            f"{name}__thresholds": thresholds,
            f"{name}__record": RECORD,
        }
    lesions = measure_lesions(cohort.samples(), archive, cohort.COHORT, cohort.PREPROCESSING)
    return {
        "config": CONFIG,
        "cohort": cohort.COHORT,
        "flow": {"images": 16},
        "certificate": {"passed": True},
        # Eight patients make one group of a size that a figure may be of.
        "lesions": lesions.assign(band="15 to 25 mm"),
        "recipe": cohort.RECIPE,
        **tables,
        "d_tvnet__record": SKIPPED,
    }


@pytest.fixture(scope="module")
def found(given):
    return evaluate_segmenters(**given)


def test_every_learner_is_judged_on_pixels_pooled_pixels_and_patches(given, found):
    metrics, _, comparison = found
    assert metrics["task"] == "segmentation" and list(metrics["learners"]) == list(SHIFTS)
    for name in SHIFTS:
        own = metrics["learners"][name]["patient"]
        table = given[f"{name}__segmentations"]
        assert own["pixel"]["dice"]["value"] == pytest.approx(table["dice"].mean())
        assert {"pixel", "pixel_pooled", "patch"} <= set(own)
        assert own["n_patients"] == cohort.PATIENTS and own["n_images"] == 2 * cohort.PATIENTS
    assert metrics["skipped"] == {"d_tvnet": "not asked for"}
    assert set(metrics["comparisons"]) == {"penn", "sae_plain"}
    assert set(metrics["ablations"]["comparisons"]) == {"sae_plain"}
    assert comparison["learner"].tolist() == [*SHIFTS, "d_tvnet"]
    json.dumps(metrics, allow_nan=False)


def test_settings_and_data_say_what_the_figures_were_made_with(found):
    metrics = found[0]
    settings = metrics["settings"]
    assert settings["reference"] == "unet" and settings["positive_class"] == "tumour"
    assert settings["patch_grid"] == {"patch": 8, "stride": 4, "rule": "fraction", "fraction": 0.6}
    assert settings["postprocess"]["threshold"] == 0.5 and "no data" in settings["threshold"]
    data = metrics["data"]
    assert data["paper"] == "spinal_penn" and data["leak_certificate_passed"] is True
    assert "Synthetic" in data["statement"]
    assert set(metrics["training"]) == {*SHIFTS, "d_tvnet"}


def test_strata_are_of_groups_of_five_or_more(given, found):
    assert list(found[0]["strata"]) == ["size"]  # eight patients at as many levels
    (sizes,) = (one for one in found[0]["strata"]["size"] if one["learner"] == "unet")
    assert sizes["n_patients"] == cohort.PATIENTS
    typed = ["L3+L5"] * 5 + ["L3+T2"] * 3
    levels = given["lesions"].assign(location=typed)
    strata = evaluate_segmenters(**given | {"lesions": levels})[0]["strata"]
    assert list(strata) == ["size", "level"]  # the three at T2 would stand alone as hard ones
    counts = {one["stratum"]: one["n_patients"] for one in strata["level"]}
    assert counts == {"L3": 8, "small groups together": 8}


def test_without_any_level_there_are_no_level_strata(given):
    blank = given["lesions"].assign(location=None)
    metrics = evaluate_segmenters(**given | {"lesions": blank})[0]
    assert list(metrics["strata"]) == ["size"]


def test_lesions_tell_the_size_below_which_no_patch_is_positive(given, found):
    lesions = found[0]["lesions"]
    # 39 px of 8 x 8 at 1.8 mm.
    assert lesions["floor_mm"] == pytest.approx(2 * np.sqrt(39 / np.pi) * 1.8)
    sizes = given["lesions"]["largest_mm"]
    assert lesions["below_floor"] == (sizes < lesions["floor_mm"]).sum() > 0
    pixels = given["penn__segmentations"]
    share = (pixels["tp"] + pixels["fn"]).sum() / (16 * cohort.ROWS * cohort.COLUMNS)
    assert lesions["positive_pixels"] == pytest.approx(share)
    assert 0 < lesions["positive_patches"] < 0.2


def test_curves_hold_patients_without_names_and_the_cut_of_the_first_learner(given, found):
    curves = found[1]
    dice = curves["dice_by_patient"]
    assert dice["unet"] == pytest.approx(sorted(given["unet__segmentations"]["dice"]), abs=1e-6)
    assert curves["cut"]["learner"] == "penn" and len(curves["cut"]["dice"]) == 19
    own = given["penn__thresholds"].query("threshold == 0.5")
    mean = overlap(own["tp"], own["fp"], own["fn"])["dice"].mean()
    at = curves["cut"]["threshold"].index(0.5)
    assert curves["cut"]["dice"][at] == pytest.approx(mean, abs=1e-6)


def test_without_patches_pixels_are_judged_all_the_same(given):
    empty = {name: one.iloc[:0] for name, one in given.items() if name.endswith("__patches")}
    metrics, _, comparison = evaluate_segmenters(**given | empty)
    assert "patch" not in metrics["learners"]["penn"]["patient"]
    assert metrics["lesions"]["positive_patches"] is None and comparison["patch_f1"].isna().all()
    tabulate_as_published(metrics, {}, penn__history=HISTORY)


def test_nothing_trained_and_no_reference_are_refused(given):
    without = {n: one for n, one in given.items() if not n.endswith("__segmentations")}
    with pytest.raises(CohortError, match="none was trained"):
        evaluate_segmenters(**without)
    lone = {n: one for n, one in given.items() if not n.startswith("unet__")}
    with pytest.raises(ValueError, match=r"evaluation\.reference"):
        evaluate_segmenters(**lone)


def test_the_paper_s_tables_page_and_figures(found):
    tables, page, figures = tabulate_as_published(
        found[0], PATCH_SPLIT, penn__history=HISTORY, sae_plain__history=HISTORY
    )
    titles = [one["title"] for one in tables]
    for start in ("Table 1", "Table 2", "Natural and balanced", "Audit", "What"):
        assert any(title.startswith(start) for title in titles), start
    # The page has sections of its own for these.
    assert "Against U-Net" in page and not any(one.startswith("Against") for one in titles)
    assert page.startswith("# The paper's tables") and "Synthetic patients" in page
    assert {"strata_size", "pretraining"} <= {one["name"] for one in figures}
    paper_figures(figures)
    audit = next(one for one in tables if one["title"].startswith("Audit"))
    assert "500 patches" in audit["note"]


def grid(given):
    """The same learners as if they were three architectures."""
    renamed = {"penn": "penn_1x50", "sae_plain": "penn_1x200", "unet": "penn_3x200"}
    tables = {
        key: one for key, one in given.items() if key.partition("__")[0] not in (*SHIFTS, "d_tvnet")
    }
    for old, new in renamed.items():
        for ending in ("segmentations", "patches", "thresholds"):
            tables[f"{new}__{ending}"] = given[f"{old}__{ending}"].assign(learner=new)
        tables[f"{new}__record"] = RECORD
    return tables


def test_the_grid_of_layers_and_nodes(given, found):
    metrics = evaluate_segmenters(**grid(given))[0]
    assert metrics["settings"]["reference"] == "penn_3x200"
    tables, _, figures = tabulate_grid(metrics, penn_1x50__history=HISTORY)
    assert tables[0]["title"].startswith("Fig. 6") and tables[0]["rows"][0][:2] == ["1", "50"]
    assert [one["name"] for one in figures] == ["grid_dice", "grid_f1", "pretraining"]
    assert figures[0]["values"][1] == [None, pytest.approx(
        metrics["learners"]["penn_3x200"]["patient"]["pixel"]["dice"]["value"]
    )]  # fmt: skip
    paper_figures(figures)
