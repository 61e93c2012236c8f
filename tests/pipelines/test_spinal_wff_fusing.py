"""Age table, λ and the rows of Table 3: who speaks for whom, and who is never looked at."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from osteon.measures.age_table import fit_age_table
from osteon.measures.fusion import grid, terms_of, votes
from osteon.measures.fusion_search import search
from osteon.pipelines.spinal_wff import fusing
from osteon.recipes.artefact import SkippedLearner
from osteon.recipes.spinal_wff import PUBLISHED, FusionLearner
from tests.pipelines import wff_cohort

LAMBDAS = {"chosen": [0.5, 0.3, 0.2]}


@pytest.fixture
def tables():
    return wff_cohort.tables()


def frames(tables):
    full = tables["recipe"].root
    given = (tables[n] for n in ("samples", "detections", "sequence_scores", "age_scores"))
    return fusing.opinions(*given, wff_cohort.CLASSES, full)


def fuse(tables, lambdas=None, **learner):
    return fusing.fuse(
        **tables,
        lambdas=lambdas or LAMBDAS,
        learner=FusionLearner(**learner),
        name="row",
        paper="spinal_wff",
    )


def by_hand(tables, split, weights, no_box="skip"):
    """Patient → (score, vote) by `votes` on tables put together here."""
    d = tables["detections"].sort_values("score", ascending=False, kind="stable")
    d = d[d["score"] >= 0.05].drop_duplicates("sample_id").set_index("sample_id")
    share = d["prob_malignant"] / (d["prob_benign"] + d["prob_malignant"])
    samples = tables["samples"].rename(columns={"series_id": "sequence_id"})
    series = tables["sequence_scores"].rename(columns={"prob_malignant": "m"})
    people = tables["age_scores"]
    people = people[people["split"] == split]
    keep = [one[one["patient_id"].isin(people["patient_id"])] for one in (samples, series)]
    terms = terms_of(keep[0].assign(d=keep[0]["sample_id"].map(share)), keep[1], people)
    said = votes(terms, np.array([weights]), no_box)
    return dict(zip(terms.patient_ids, zip(said.score[0], said.vote[0], strict=True), strict=True))


def test_opinions_name_each_image_series_and_patient_once(tables) -> None:
    images, series, people = frames(tables)
    assert images["sample_id"].tolist() == tables["samples"]["sample_id"].tolist()
    assert len(series) == wff_cohort.PATIENTS * wff_cohort.SERIES
    assert people["patient_id"].is_unique and len(people) == wff_cohort.PATIENTS
    assert series.set_index("sequence_id")["m"].isna().sum() == 1
    assert images.loc[images["sequence_id"] == "S041", "d"].isna().all()
    for table in (images, series, people):
        where = table.merge(wff_cohort.placed(), on="patient_id", suffixes=("", "_own"))
        assert (where["split"] == where["split_own"]).all()
        assert (where["fold"] == where["fold_own"]).all()


def test_boxes_below_the_score_do_not_speak() -> None:
    tables = wff_cohort.tables(voting={"score": 0.6, "step": 0.1})
    images = frames(tables)[0].set_index("sample_id")
    sure = tables["detections"].groupby("sample_id")["score"].max()
    sure = set(sure[sure >= 0.6].index)
    assert set(images.index[images["d"].notna()]) == sure


def test_labels_are_those_that_the_sequence_model_learnt(tables) -> None:
    turned = tables["sequence_scores"].assign(label=1 - tables["sequence_scores"]["label"])
    people = frames(tables | {"sequence_scores": turned})[2]
    assert people["label"].tolist() == (1 - tables["age_scores"]["label"]).tolist()
    judged, trained, record = fuse(tables | {"sequence_scores": turned}, labels="permuted")
    assert record["recipe"]["labels"] == "permuted"
    truth = tables["samples"].set_index("patient_id")["label"].groupby(level=0).first()
    assert (judged["label"].to_numpy() == 1 - truth[judged["patient_id"]].to_numpy()).all()
    assert trained.set_index("patient_id")["label"].to_dict()["P00"] == 1


def test_age_says_of_training_patients_what_the_other_folds_tell() -> None:
    outer, inner = wff_cohort.splits()
    recipe = wff_cohort.recipe()
    scored, told = fusing.score_ages(wff_cohort.samples(), outer, inner, recipe)
    config = recipe.root.age.model_dump()
    training = scored[scored["split"] == "cv"]
    for fold in range(wff_cohort.FOLDS):
        others, own = training[training["fold"] != fold], training[training["fold"] == fold]
        table = fit_age_table(others["age"].to_numpy(), others["label"].to_numpy(), **config)
        np.testing.assert_array_equal(own["a"], table.probability(own["age"].to_numpy()))
    test = scored[scored["split"] == "test"]
    final = fit_age_table(training["age"].to_numpy(), training["label"].to_numpy(), **config)
    np.testing.assert_array_equal(test["a"], final.probability(test["age"].to_numpy()))
    assert told["missing"] == 1 and told["patients"] == wff_cohort.PATIENTS
    assert scored.loc[scored["age"].isna(), "a"].isna().all()
    assert scored["a"].isna().sum() == 1


def test_a_patient_s_label_does_not_move_what_age_says_of_it() -> None:
    outer, inner = wff_cohort.splits()
    samples, recipe = wff_cohort.samples(), wff_cohort.recipe()
    before = fusing.score_ages(samples, outer, inner, recipe)[0].set_index("patient_id")["a"]
    for name in ("P00", "P01", "P02"):
        own = samples["patient_id"] == name
        turned = samples.assign(label=samples["label"].mask(own, 1 - samples["label"]))
        after = fusing.score_ages(turned, outer, inner, recipe)[0].set_index("patient_id")["a"]
        assert after[name] == before[name]
        # A training patient moves the others' table; a test patient moves nobody's.
        assert (after.drop(name) != before.drop(name)).sum() - 1 >= (0 if name != "P01" else -1)
        if name == "P01":
            pd.testing.assert_series_equal(after, before)
        else:
            assert not after.equals(before)


def test_weights_are_the_best_of_the_training_part(tables) -> None:
    said, found = fusing.choose_lambdas(**tables)
    assert len(found) == said["candidates"] == len(grid(0.1)) == 66
    rows = found.set_index(["l1", "l2", "l3"])["accuracy"]
    inside = found[(found[["l1", "l2", "l3"]] > 0).all(axis=1)]
    assert rows[tuple(said["chosen"])] == inside["accuracy"].max()
    assert min(said["chosen"]) > 0
    assert rows[tuple(said["best_anywhere"])] == found["accuracy"].max()
    assert said["tied_for_best"] == (found["accuracy"] == found["accuracy"].max()).sum()
    assert said["published"] == list(PUBLISHED) and said["patients"] == 24
    images, series, people = (t[t["split"] == "cv"] for t in frames(tables))
    pd.testing.assert_frame_equal(found, search(terms_of(images, series, people), grid(0.1)))


@pytest.mark.parametrize("seed", range(4))
def test_weights_never_look_at_the_test_part(tables, seed) -> None:
    rng = np.random.default_rng(seed)
    full, given = tables["recipe"].root, frames(tables)
    before = fusing.chosen_on(*given, full)
    changed = []
    for table, column in zip(given, ("d", "m", "a"), strict=True):
        test = table["split"] == "test"
        values = rng.random(len(table))
        changed.append(table.assign(**{column: table[column].mask(test, values)}))
    test = changed[2]["split"] == "test"
    changed[2] = changed[2].assign(label=changed[2]["label"].mask(test, 1 - changed[2]["label"]))
    for tables_ in (changed, [one[one["split"] == "cv"] for one in given]):
        said, found = fusing.chosen_on(*tables_, full)
        assert said == before[0]
        pd.testing.assert_frame_equal(found, before[1])


def test_training_patients_do_choose_the_weights(tables) -> None:
    images, series, people = frames(tables)
    own = people["split"] == "cv"
    turned = people.assign(label=people["label"].mask(own, 1 - people["label"]))
    full = tables["recipe"].root
    found = fusing.chosen_on(images, series, turned, full)[1]
    assert not found["accuracy"].equals(
        fusing.chosen_on(images, series, people, full)[1]["accuracy"]
    )


@pytest.mark.parametrize("no_box", ["skip", "uniform"])
@pytest.mark.parametrize(
    ("terms", "weights"),
    [
        (("detector",), (0.5, 0, 0)),
        (("detector", "sequence"), (0.5, 0.3, 0)),
        (("sequence", "age"), (0, 0.3, 0.2)),
        (("detector", "sequence", "age"), (0.5, 0.3, 0.2)),
    ],
)
def test_patients_are_called_by_votes_with_the_row_s_weights(terms, weights, no_box) -> None:
    tables = wff_cohort.tables(voting={"no_box": no_box, "step": 0.1})
    judged, trained, record = fuse(tables, terms=terms)
    for found, split in ((judged, "test"), (trained, "cv")):
        wanted = by_hand(tables, split, weights, no_box)
        assert found["patient_id"].tolist() == list(wanted)
        np.testing.assert_allclose(found["prob_malignant"], [one for one, _ in wanted.values()])
        np.testing.assert_allclose(found["prob_benign"] + found["prob_malignant"], 1)
    wanted = by_hand(tables, "test", weights, no_box)
    assert judged["vote"].tolist() == [vote for _, vote in wanted.values()]
    assert record["status"] == "trained" and record["recipe"]["lambdas"] == list(weights)
    assert record["recipe"]["voting"]["no_box"] == no_box
    (fold,) = record["folds"]
    assert (fold["judged_samples"], fold["fitted_samples"], fold["parameters"]) == (12, 24, 0)


def test_one_row_a_patient_with_the_facts_of_subgroups(tables) -> None:
    judged, trained, _ = fuse(tables)
    assert (judged["sample_id"] == judged["patient_id"]).all()
    assert set(judged["fold"]) == {0} and set(judged["split"]) == {"test"}
    assert set(judged["learner"]) == {"row"} and set(judged["paper"]) == {"spinal_wff"}
    facts = wff_cohort.samples().drop_duplicates("patient_id").set_index("patient_id")
    for name in ("age", "sex", "site"):
        assert judged[name].tolist() == facts.loc[judged["patient_id"], name].tolist()
    assert judged["label"].tolist() == facts.loc[judged["patient_id"], "label"].tolist()
    assert trained["out_of_fold"].all() and set(trained["fold"]) == {0}
    assert not {"vote", "split", "age", "sex", "site"} & set(trained.columns)
    assert not set(trained["patient_id"]) & set(judged["patient_id"])


@pytest.mark.parametrize(
    ("weights", "used"),
    [("chosen", [0.5, 0.3, 0.2]), ("published", [0.45, 0.45, 0.1]), ((1, 2, 3), [1, 2, 3])],
)
def test_the_row_says_which_weights_it_used(tables, weights, used) -> None:
    judged, _, record = fuse(tables, weights=weights)
    assert record["recipe"]["lambdas"] == used
    wanted = by_hand(tables, "test", used)
    np.testing.assert_allclose(judged["prob_malignant"], [one for one, _ in wanted.values()])


def test_a_missing_age_drops_out(tables) -> None:
    ages = tables["age_scores"]
    without = tables | {"age_scores": ages.assign(a=ages["a"].mask(ages["patient_id"] == "P01"))}
    judged = fuse(without)[0].set_index("patient_id")
    alone = fuse(tables, terms=("detector", "sequence"))[0].set_index("patient_id")
    whole = fuse(tables)[0].set_index("patient_id")
    assert judged.loc["P01", "prob_malignant"] == alone.loc["P01", "prob_malignant"]
    assert judged.loc["P04", "prob_malignant"] == whole.loc["P04", "prob_malignant"]


def test_no_detections_at_all_leave_the_other_terms(tables, caplog) -> None:
    bare = tables | {"detections": tables["detections"].iloc[:0]}
    said, _ = fusing.choose_lambdas(**bare)
    judged, _, record = fuse(bare, lambdas=said, terms=("sequence", "age"))
    assert record["status"] == "trained" and len(judged) == 12
    judged, trained, record = fuse(bare, terms=("detector",))
    assert judged.empty and trained.empty
    assert record["status"] == "skipped" and record["folds"] == []
    assert record["reason"] == "missing for every patient of the test part: detector"
    assert "skipped: missing for every patient" in caplog.text
    # What is left of a row of detector and age is age, which another row has.
    assert fuse(bare, terms=("detector", "age"))[2]["status"] == "skipped"
    assert fuse(bare, terms=("age",))[2]["status"] == "trained"
    whole, _, record = fuse(bare)
    assert record["status"] == "trained"
    np.testing.assert_allclose(
        whole["prob_malignant"], fuse(bare, terms=("sequence", "age"))[0]["prob_malignant"]
    )
    full = fuse(tables)
    assert list(judged.columns) == list(full[0].columns)
    assert set(full[1].columns) <= set(trained.columns)


@pytest.mark.parametrize("term", ["sequence", "age"])
def test_a_term_that_nobody_in_the_test_part_has_drops_out_or_skips_its_row(tables, term) -> None:
    name, column = {"sequence": ("sequence_scores", "prob_malignant"), "age": ("age_scores", "a")}[
        term
    ]
    table = tables[name]
    gone = tables | {name: table.assign(**{column: table[column].mask(table["split"] == "test")})}
    judged, _, record = fuse(gone, terms=(term,))
    assert judged.empty
    assert record["reason"] == f"missing for every patient of the test part: {term}"
    judged, _, record = fuse(gone, terms=("detector", term))
    assert record["status"] == "trained"
    alone = fuse(gone, terms=("detector",))[0]
    np.testing.assert_allclose(judged["prob_malignant"], alone["prob_malignant"])


@pytest.mark.parametrize(
    ("boxes", "name"),
    [
        ({"boxes": "labelled"}, "detector"),
        ({"boxes": "artefact", "artefact": "somewhere"}, "detector"),
        ({"boxes": "whole"}, None),
    ],
)
def test_the_framework_is_described_for_new_patients(boxes, name) -> None:
    recipe = wff_cohort.recipe(**boxes)
    cards = [SimpleNamespace(card={"folds": [{"sha256": word}]}) for word in ("d", "s")]
    if name is None:
        cards[0] = SkippedLearner("no boxes")
    found = fusing.describe_framework(
        LAMBDAS, {"edges": []}, recipe, *cards, detector="detector", sequence="seq16"
    )
    assert found["weights"] == {"detector": ["d"] if name else None, "sequence": ["s"]}
    assert found["lambdas"] == [0.5, 0.3, 0.2] and found["age_table"] == {"edges": []}
    assert found["networks"] == {"detector": name, "sequence": "seq16"}
    assert found["boxes"] == recipe.root.boxes
    assert found["voting"] == recipe.root.voting.model_dump(mode="json")
