"""Tuning of λ on saved predictions: what trials are worth, what they see, and the one look."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import yaml

from osteon.measures.fusion import grid, terms_of
from osteon.measures.fusion_search import search
from osteon.measures.leaks import LeakFound
from osteon.pipelines.spinal_wff import fusing as row
from osteon.pipelines.tuning import fusing, fusion_judging
from osteon.pipelines.tuning.certifying import certify_tuning
from osteon.pipelines.tuning.fusion_grid import exhaustive
from osteon.recipes import Recipe
from osteon.recipes.spinal_wff import PUBLISHED, FusionLearner, SequenceLearner
from osteon.recipes.tuning import SpaceError, TuningConfig
from tests.pipelines import wff_cohort

SPACE = {
    "weights": {"simplex": 3, "step": 0.1},
    "age.bin_width": {"choices": [10, 20]},
    "age.pseudo_count": {"low": 0.5, "high": 2.0, "log": True},
    "voting.score": {"low": 0.0, "high": 0.4, "step": 0.1},
    "voting.aggregate": {"choices": ["max", "mean", "noisy_or"]},
    "sequence.slices": {"choices": [16, 8]},
}
LEARNER, SEQUENCE = FusionLearner(), SequenceLearner(slices=16)


def tuning(**own) -> TuningConfig:
    given = {"trials": 12, "space": SPACE, "objective": "accuracy", "seeds": 2, "startup": 4}
    return TuningConfig.model_validate(given | own)


def models() -> dict:
    """Two sequence models; the one of 8 slices knows a little less."""
    scores = wff_cohort.sequence_scores()
    duller = 0.5 + 0.5 * (scores["prob_malignant"] - 0.5)
    other = scores.assign(prob_malignant=duller, prob_benign=1 - duller)
    return {
        "sequence__scores": scores,
        "sequence__learner": {"slices": 16},
        "sequence_n8__scores": other,
        "sequence_n8__learner": {"slices": 8},
    }


def taken(detections=None, config=None, **other):
    outer, inner = wff_cohort.splits()
    boxes = wff_cohort.detections() if detections is None else detections
    given = (wff_cohort.samples(), outer, inner, boxes, wff_cohort.recipe())
    return fusing.take_opinions(*given, config or tuning(), **(models() | other))


def tuned(tables, folder, config=None, learner=LEARNER):
    own, _, boxes, sequences = tables
    settings = (wff_cohort.cohort(), wff_cohort.recipe(), learner, SEQUENCE, config or tuning())
    return fusing.tune_fusion(own, boxes, sequences, folder, *settings, name="wff")


def trial_of(folder, config=None):
    own, _, boxes, sequences = taken()
    scores = {n: sequences[sequences["slices"] == n] for n in (16, 8)}
    predictions = fusing.Predictions(own, boxes, scores, fusing.people_of(own), wff_cohort.CLASSES)
    given = (predictions, wff_cohort.recipe(), LEARNER, SEQUENCE, config or tuning(), folder)
    return fusing.trial_of(*given)


def certified(study, folder, config=None):
    outer, inner = wff_cohort.splits()
    given = (study, folder, wff_cohort.samples(), outer, inner, wff_cohort.NO_PAIRS)
    return certify_tuning(*given, config or tuning())


def judged(study, found, certificate, folder, config=None, **other):
    outer, inner = wff_cohort.splits()
    cohort = (wff_cohort.samples(), outer, inner, wff_cohort.detections(), wff_cohort.cohort())
    settings = (wff_cohort.recipe(), LEARNER, SEQUENCE, config or tuning(), folder)
    return fusion_judging.judge_fusion(
        study, found, certificate, *cohort, *settings, row="det_seq_age", **(models() | other)
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A whole study: tables, study, what it found, certificate, result."""
    folder = tmp_path_factory.mktemp("tuning")
    tables = taken()
    study, found = tuned(tables, folder)
    certificate = certified(study, folder)
    return tables, study, found, certificate, judged(study, found, certificate, folder), folder


def test_no_row_of_the_test_part_is_handed_to_the_study() -> None:
    own, held, boxes, sequences = taken()
    test = set(held["patient_id"])
    assert len(test) == wff_cohort.PATIENTS // 3
    for table in (own, boxes, sequences):
        assert not test & set(table["patient_id"]) and set(table["split"]) == {"cv"}
    assert set(sequences["slices"]) == {16, 8}


def test_trials_do_not_change_with_the_test_part(run, tmp_path) -> None:
    tables, study, found, *_ = run
    boxes, other = wff_cohort.detections(), models()
    where = boxes["split"] == "test"
    turned = boxes.assign(prob_malignant=boxes["prob_malignant"].mask(where, 0.01))
    scores = other["sequence__scores"]
    test = scores["split"] == "test"
    scores = scores.assign(label=scores["label"].mask(test, 1 - scores["label"]))
    again = taken(turned, sequence__scores=scores)
    for before, after in zip(tables, again, strict=True):
        pd.testing.assert_frame_equal(before, after)
    second, told = tuned(again, tmp_path)
    assert [one.params for one in second.trials] == [one.params for one in study.trials]
    assert told == found and second.study_name == study.study_name


def test_predictions_of_another_division_are_refused() -> None:
    boxes = wff_cohort.detections()
    own = boxes["split"] == "cv"
    moved = boxes.assign(fold=boxes["fold"].mask(own, (boxes["fold"] + 1) % wff_cohort.FOLDS))
    with pytest.raises(LeakFound, match="detections: 154 predictions of another division"):
        taken(moved)


@pytest.mark.parametrize("objective", ["accuracy", "auroc"])
def test_a_trial_is_worth_what_the_rows_own_search_says(tmp_path, objective) -> None:
    trial = trial_of(tmp_path, tuning(objective=objective))
    values = {"weights": (0.5, 0.3, 0.2), "age.bin_width": 10, "voting.aggregate": "mean"}
    found = trial(values, lambda *_: None, 0)

    full = wff_cohort.recipe(
        age={"least": 1, "bin_width": 10}, voting={"aggregate": "mean", "step": 0.1}
    )
    outer, inner = wff_cohort.splits()
    ages, _ = row.score_ages(wff_cohort.samples(), outer, inner, full)
    given = (wff_cohort.samples(), wff_cohort.detections(), wff_cohort.sequence_scores(), ages)
    frames = row.opinions(*given, wff_cohort.CLASSES, full.root)
    terms = terms_of(*(one[one["split"] == "cv"] for one in frames))
    wanted = search(terms, np.array([[0.5, 0.3, 0.2]])).iloc[0]
    assert (found.facts["accuracy"], found.facts["auroc"]) == (wanted["accuracy"], wanted["auroc"])
    ties = wanted["accuracy"] + wanted["auroc"] / (2 * len(terms.label))
    assert found.value == (ties if objective == "accuracy" else wanted["auroc"])


def test_ranking_never_outweighs_one_patient(tmp_path) -> None:
    trial = trial_of(tmp_path)
    assert (
        trial.value(0.5 + 1 / 24, 0.0, 24) > trial.value(0.5, 1.0, 24) > trial.value(0.5, 0.9, 24)
    )
    assert trial.value(0.5, float("nan"), 24) == 0.5


def test_a_trial_travels_and_keeps_nothing_but_its_tables(tmp_path) -> None:
    trial = trial_of(tmp_path)
    values = {"weights": PUBLISHED, "sequence.slices": 8}
    before = trial(values, lambda *_: None, 0)
    after = pickle.loads(pickle.dumps(trial))  # noqa: S301 - made on the line itself
    assert "_counted" not in after.predictions.__dict__ and "seen" not in after.__dict__
    assert after(values, lambda *_: None, 0).value == before.value


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"detector.training.lr": {"low": 0.1, "high": 1}}, "detector.training.lr.* network"),
        ({"sequence.slices": {"choices": [16, 12]}}, "sequence.slices: 12 .*there with"),
        ({"age.bin_width": {"choices": [10, 99]}}, "age.bin_width: 99 found"),
        ({"age.width": {"choices": [10]}}, "age.width"),
        ({"weights": {"simplex": 4}}, "weights: simplex 4 found, 3 needed"),
    ],
)
def test_a_space_that_does_not_fit_stops_before_the_first_trial(tmp_path, space, words) -> None:
    with pytest.raises(SpaceError, match=words):
        tuned(taken(), tmp_path, tuning(space=space))
    assert not list(tmp_path.iterdir())


def test_other_objectives_and_rows_are_refused(tmp_path) -> None:
    with pytest.raises(SpaceError, match="objective: f1 found"):
        tuned(taken(), tmp_path, tuning(objective="f1"))
    with pytest.raises(SpaceError, match="a row with terms"):
        tuned(taken(), tmp_path, learner=FusionLearner(terms=("detector", "age")))


def test_the_first_trial_is_what_there_is_without_tuning(run) -> None:
    _, study, found, *_ = run
    assert found["configured"]["weights"] == list(PUBLISHED)
    assert found["configured"]["sequence.slices"] == 16
    assert study.trials[0].user_attrs["weights"] == pytest.approx([0.5, 0.4, 0.1], abs=0.11)
    # 0.05 lies between the steps of the space: that one value is drawn.
    assert found["configured"]["voting.score"] == 0.05
    assert study.trials[0].params["age.bin_width"] == 20


def test_what_is_chosen_is_no_worse_than_any_point_of_the_grid(run, tmp_path) -> None:
    _, _, found, *_ = run
    trial, whole = trial_of(tmp_path), found["exhaustive"]
    others = {path: one for path, one in found["chosen"].items() if path != "weights"}
    every = [
        trial({**others, "weights": tuple(one)}, lambda *_: None, 0).value for one in grid(0.1)
    ]
    assert whole["with_ties"] == pytest.approx(max(every), abs=1e-12)
    assert whole["points"] == len(every) == 66
    assert found["inner"]["with_ties"] == pytest.approx(max(every), abs=1e-12)
    assert found["chosen_by"] == ("grid" if whole["study_worse"] else "study")
    assert whole["study_value"] <= whole["value"]


def test_a_study_that_missed_the_best_weights_says_so(tmp_path) -> None:
    config = tuning(trials=1, seeds=1, space={"weights": SPACE["weights"]})
    _, found = tuned(taken(), tmp_path, config)
    best = exhaustive(trial_of(tmp_path), {}, 0.1)
    assert found["exhaustive"]["study_worse"] and found["chosen_by"] == "grid"
    assert found["chosen"]["weights"] == best["weights"]
    # The published λ, as near as steps of 0.1 come to it.
    assert found["seeds"][0]["values"]["weights"] == [0.5, 0.4, 0.1]


def test_seeds_are_studies_of_their_own(run, tmp_path) -> None:
    tables, _, found, *_ = run
    assert [one["seed"] for one in found["seeds"]] == [0, 1]
    _, other = tuned(tables, tmp_path, tuning(seed=1, seeds=1))
    assert found["seeds"][1] == other["seeds"][0]


def test_ternary_holds_every_trial(run) -> None:
    _, study, found, *_ = run
    assert len(found["ternary"]) == len([one for one in study.trials if one.value is not None])
    assert all(abs(sum(one[:3]) - 1) < 1e-9 for one in found["ternary"])
    assert max(one[3] for one in found["ternary"]) == study.best_value


def test_the_certificate_holds_and_every_trial_is_on_record(run) -> None:
    _, study, _, certificate, *_ = run
    assert certificate["passed"] and certificate["records"] == 1
    assert len({one.user_attrs["seen"] for one in study.trials}) == 1


@pytest.mark.parametrize("place", ["samples", "detections", "sequences"])
def test_a_planted_peek_at_the_test_part_fails_the_certificate(tmp_path, place) -> None:
    own, held, boxes, sequences = taken()
    patient = held["patient_id"].iloc[0]
    whole = {
        "samples": wff_cohort.samples().merge(wff_cohort.placed(), on="patient_id"),
        "detections": wff_cohort.detections(),
        "sequences": models()["sequence__scores"].assign(slices=16),
    }
    peek = whole[place][whole[place]["patient_id"] == patient].assign(split="cv", fold=0)
    tables = {"samples": own, "detections": boxes, "sequences": sequences}
    kept = tables[place]
    tables[place] = pd.concat([kept, peek[kept.columns]], ignore_index=True)
    spread = (tables["samples"], held, tables["detections"], tables["sequences"])
    study, _ = tuned(spread, tmp_path, tuning(trials=2, seeds=1))
    with pytest.raises(LeakFound, match=patient):
        certified(study, tmp_path)


def test_the_test_part_is_judged_by_the_chosen_setting_alone(run) -> None:
    _, study, found, _, result, _ = run
    chosen = found["chosen"]
    full = Recipe.model_validate(
        wff_cohort.recipe().root.model_dump()
        | {
            "age": {
                "least": 1,
                "bin_width": chosen["age.bin_width"],
                "pseudo_count": chosen["age.pseudo_count"],
            },
            "voting": {
                "score": chosen["voting.score"],
                "aggregate": chosen["voting.aggregate"],
            },
        }
    )
    outer, inner = wff_cohort.splits()
    ages, _ = row.score_ages(wff_cohort.samples(), outer, inner, full)
    name = {16: "sequence__scores", 8: "sequence_n8__scores"}[chosen["sequence.slices"]]
    said, _, _ = row.fuse(
        wff_cohort.samples(),
        wff_cohort.detections(),
        models()[name],
        ages,
        {"chosen": chosen["weights"]},
        wff_cohort.cohort(),
        full,
        LEARNER,
        name="row",
        paper="spinal_wff",
    )
    assert result["outer"]["value"] == pytest.approx((said["vote"] == said["label"]).mean())
    assert result["outer"]["patients"] == len(said) == wff_cohort.PATIENTS // 3
    assert result["inner"]["value"] == pytest.approx(found["inner"]["accuracy"])
    assert result["gap"]["value"] == pytest.approx(
        result["inner"]["value"] - result["outer"]["value"]
    )
    assert result["looks"] == 1 and result["trials"]["asked"] == len(study.trials) == 12


def test_nothing_is_looked_at_without_the_certificate_of_this_study(run) -> None:
    _, study, found, certificate, _, folder = run
    for wrong in ({"study": "another"}, {"passed": False}):
        with pytest.raises(LeakFound, match="tuning_certificate"):
            judged(study, found, certificate | wrong, folder)


def test_a_second_setting_is_a_second_look(run, tmp_path) -> None:
    _, study, found, certificate, result, folder = run
    again = judged(study, found, certificate, folder)
    assert again["looks"] == 1 and again["outer"] == result["outer"]
    other = copy.deepcopy(found)
    other["chosen"]["weights"] = [1.0, 0.0, 0.0]
    assert judged(study, other, certificate, folder)["looks"] == 2


def test_best_values_lie_over_the_configuration(run) -> None:
    *_, result, _ = run
    text = fusion_judging.write_best_fusion(
        result,
        wff_cohort.recipe(),
        LEARNER,
        paper="spinal_wff",
        row="det_seq_age",
        network="sequence",
    )
    block, chosen = yaml.safe_load(text)["spinal_wff"], result["chosen"]
    learner = FusionLearner.model_validate(block["det_seq_age"]["learner"])
    assert learner.weights == tuple(chosen["weights"])
    assert block["sequence"] == {"learner": {"slices": chosen["sequence.slices"]}}
    assert block["recipe"]["age"]["bin_width"] == chosen["age.bin_width"]
    assert block["recipe"]["voting"]["aggregate"] == chosen["voting.aggregate"]
    assert chosen["voting.score"] != 0.05  # the configured one
    assert "cuts them anew" in " ".join(text.replace("#", "").split())
