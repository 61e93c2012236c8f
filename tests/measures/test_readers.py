"""Readers beside the framework: who called whom, tests on the same patients, printed counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as theirs
from statsmodels.stats.proportion import proportion_confint

from osteon.measures.readers import compare_readers, from_counts, verdicts

CLASSES = ("benign", "malignant")


def framework(count=30, seed=0):
    generator = np.random.default_rng(seed)
    label = np.arange(count) % 2
    vote = np.where(generator.random(count) < 0.8, label, 1 - label) == 1
    names = [f"P{place}" for place in range(count)]
    return pd.DataFrame(
        {
            "sample_id": names,
            "patient_id": names,
            "label": label,
            "prob_benign": 0.5,
            "prob_malignant": 0.5,
            "vote": vote,
        }
    )


def reader(table, name="R1", right=0.7, with_age=False, seed=1, **more):
    generator = np.random.default_rng(seed)
    label = table["label"].to_numpy()
    call = np.where(generator.random(len(label)) < right, label, 1 - label)
    said = table[["patient_id"]].assign(reader=name, call=np.asarray(CLASSES)[call])
    return said.assign(with_age=with_age, **more)


@pytest.fixture
def both():
    return {"without age": framework(), "with age": framework(seed=5)}


def test_figures_are_proportions_with_wilson_ends(both):
    said = reader(both["without age"], seconds=np.arange(30.0), role="radiologist")
    one = compare_readers(said, both)["modes"]["without age"]["readers"]["R1"]
    truth = both["without age"]["label"].to_numpy() == 1
    called = (said["call"] == "malignant").to_numpy()
    for name, count, of in (
        ("accuracy", (called == truth).sum(), 30),
        ("sensitivity", called[truth].sum(), 15),
        ("specificity", (~called[~truth]).sum(), 15),
    ):
        lo, hi = proportion_confint(count, of, method="wilson")
        assert one[name]["value"] == pytest.approx(count / of)
        assert (one[name]["lo"], one[name]["hi"]) == (pytest.approx(lo), pytest.approx(hi))
    assert one["seconds"] == {"n": 30, "mean": 14.5, "median": 14.5}
    assert (one["n"], one["role"], one["experience_years"]) == (30, "radiologist", None)


def test_mcnemar_is_of_the_same_patients_and_mode(both):
    said = pd.concat(
        [reader(both["without age"]), reader(both["with age"], with_age=True, seed=2)]
    ).iloc[3:]
    found = compare_readers(said.sample(frac=1, random_state=0), both)["modes"]
    for mode, table in both.items():
        own = said[said["with_age"] == (mode == "with age")]
        joined = own.merge(table, on="patient_id")
        truth = joined["label"] == 1
        mine = joined["vote"] == truth
        his = (joined["call"] == "malignant") == truth
        test = found[mode]["readers"]["R1"]["mcnemar"]
        assert test["n"] == len(own)
        assert test["only_first"] == int((mine & ~his).sum())
        assert test["only_second"] == int((~mine & his).sum())
        counts = pd.crosstab(mine, his).to_numpy()
        assert test["p"] == pytest.approx(theirs(counts, exact=True).pvalue)
        beside = found[mode]["readers"]["R1"]["framework"]
        assert beside["accuracy"]["value"] == pytest.approx(mine.mean())


def test_patients_not_called_are_left_out_and_counted(both):
    said = reader(both["without age"])
    said.loc[[0, 1], "call"] = None
    said.loc[2, "patient_id"] = "nobody"
    one = compare_readers(said, both)["modes"]["without age"]["readers"]["R1"]
    assert (one["n"], one["not_called"], one["unknown_patients"]) == (27, 3, 1)
    assert one["mcnemar"]["n"] == one["framework"]["n"] == 27


def test_holm_is_over_the_readers_of_a_mode(both):
    table = both["without age"]
    said = pd.concat([reader(table, f"R{k}", 0.2 + 0.1 * k, seed=k) for k in range(4)])
    aged = reader(table, "R1", with_age=True)
    found = compare_readers(pd.concat([said, aged]), both)["modes"]
    tests = [one["mcnemar"] for one in found["without age"]["readers"].values()]
    assert {test["family"] for test in tests} == {4}
    least = min(tests, key=lambda test: test["p"])
    assert least["p_holm"] == pytest.approx(min(1.0, 4 * least["p"]))
    assert least["significant"] == (least["p_holm"] < 0.05)
    assert found["with age"]["readers"]["R1"]["mcnemar"]["family"] == 1


def test_a_reader_with_age_is_tested_against_himself(both):
    table = both["without age"]
    without, aged = reader(table, right=0.5), reader(table, right=0.9, with_age=True, seed=4)
    found = compare_readers(pd.concat([without, aged.iloc[5:]]), both)["age"]["R1"]
    truth = (table["label"] == 1).to_numpy()[5:]
    right = [(one["call"].to_numpy()[-25:] == "malignant") == truth for one in (aged, without)]
    assert found["n"] == 25
    assert found["only_first"] == int((right[0] & ~right[1]).sum())
    assert found["difference"] == pytest.approx(right[0].mean() - right[1].mean())


def test_a_mode_of_the_framework_alone_or_of_readers_alone(both):
    only = {"without age": both["without age"]}
    said = reader(both["without age"], with_age=True)
    modes = compare_readers(said, only)["modes"]
    assert modes["without age"]["readers"] == {} and modes["without age"]["framework"]["n"] == 30
    assert modes["with age"]["framework"] is None
    assert modes["with age"]["readers"]["R1"]["mcnemar"] is None
    assert modes["with age"]["readers"]["R1"]["accuracy"]["of"] == 30


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="call"), r"no columns \['call'\]"),
        (lambda t: t.assign(call="unsure"), r"calls \['unsure'\] found"),
        (lambda t: pd.concat([t, t]), "second call"),
        (lambda t: t.assign(with_age=None), "with_age must be true or false"),
    ],
)
def test_tables_that_do_not_fit_are_refused(both, change, said):
    with pytest.raises(ValueError, match=said):
        compare_readers(change(reader(both["without age"])), both)


def test_modes_and_framework_tables_are_checked(both):
    said = reader(both["without age"])
    with pytest.raises(ValueError, match=r"modes \['MRI'\] found"):
        compare_readers(said, {"MRI": both["without age"]})
    with pytest.raises(ValueError, match="repeated patients"):
        verdicts(pd.concat([both["without age"]] * 2))
    with pytest.raises(ValueError, match="all rows or in none"):
        verdicts(both["without age"].assign(vote=[None] + [True] * 29))


def test_without_votes_one_half_is_a_call():
    table = framework().drop(columns="vote").assign(prob_malignant=0.5)
    assert verdicts(table)["called"].all()
    assert not verdicts(table.assign(prob_malignant=0.49))["called"].any()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_counts_give_their_figures_back(positives, negatives, data):
    tp, tn = data.draw(st.integers(0, positives)), data.draw(st.integers(0, negatives))
    said, predictions = from_counts(tp, tn, positives, negatives)
    found = compare_readers(said, {"without age": predictions})["modes"]["without age"]
    for one in (found["readers"]["R1"], found["framework"]):
        assert one["sensitivity"]["count"] == tp and one["sensitivity"]["of"] == positives
        assert one["specificity"]["count"] == tn and one["specificity"]["of"] == negatives
        assert one["accuracy"]["value"] == pytest.approx((tp + tn) / (positives + negatives))
    assert found["readers"]["R1"]["mcnemar"]["p"] == 1.0


def test_more_right_than_there_are_is_refused():
    with pytest.raises(ValueError, match="positives=5"):
        from_counts(6, 1, 5, 5)
