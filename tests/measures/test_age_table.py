"""The age table by hand, by its laws, and through JSON."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from osteon.measures.age_table import AgeTable, fit_age_table, merged

laws = settings(max_examples=60, deadline=None)
SMOOTHINGS = ("laplace", "isotonic", "logistic")


def ages(*bins):
    """Ages and labels of (age, benign, malignant)."""
    age = np.concatenate([np.full(b + m, years, dtype=float) for years, b, m in bins])
    return age, np.concatenate([np.repeat([0, 1], [b, m]) for _, b, m in bins])


PATIENTS = st.lists(
    st.tuples(st.one_of(st.integers(0, 99).map(float), st.just(np.nan)), st.integers(0, 1)),
    max_size=60,
)
OPTIONS = st.fixed_dictionaries(
    {
        "bin_width": st.sampled_from([1, 5, 10, 15, 7.5]),
        "smoothing": st.sampled_from(SMOOTHINGS),
        "pseudo_count": st.floats(0.01, 10),
        "least": st.integers(1, 12),
        "prior_shift": st.floats(-3, 3),
    }
)


def test_laplace_by_hand() -> None:
    table = fit_age_table(*ages((4, 5, 1), (15, 3, 3), (85, 0, 8)), least=1)
    assert table.names[0] == "0-9" and table.names[-1] == "80+"
    np.testing.assert_allclose(
        table.probability(np.array([9.9, 10, 19, 80, 120, np.nan])),
        [2 / 8, 4 / 8, 4 / 8, 9 / 10, 9 / 10, np.nan],
    )
    few = fit_age_table(*ages((4, 5, 1)), pseudo_count=0.5)
    np.testing.assert_allclose(few.probability(np.array([4.0])), 1.5 / 7)


def test_bins_of_few_join_the_smaller_neighbour() -> None:
    # 6, 3, 0, 7, 9 patients: the empty bin joins the 3, these the 6.
    table = fit_age_table(
        *ages((5, 6, 0), (15, 1, 2), (35, 0, 7), (45, 9, 0)), least=5, pseudo_count=1
    )
    assert table.edges.tolist() == [0, 30, 40, np.inf]
    assert (table.benign.tolist(), table.malignant.tolist()) == ([7, 0, 9], [2, 7, 0])
    assert table.names == ["0-29", "30-39", "40+"]
    np.testing.assert_allclose(table.share, [2 / 9, 1, 0])
    np.testing.assert_allclose(table.probability_of_bin, [3 / 11, 8 / 9, 1 / 11])


@pytest.mark.parametrize(
    ("sizes", "least", "starts", "left"),
    [
        ([4, 9, 9], 5, [0, 2], [13, 9]),
        ([9, 9, 4], 5, [0, 1], [9, 13]),
        ([9, 4, 8], 5, [0, 1], [9, 12]),
        ([8, 4, 8], 5, [0, 2], [12, 8]),
        ([1, 1, 1], 5, [0], [3]),
        ([5, 5], 5, [0, 1], [5, 5]),
        ([0, 0, 6], 1, [0], [6]),
    ],
)
def test_merging(sizes, least, starts, left) -> None:
    counts = np.array([sizes, np.zeros(len(sizes), dtype=int)])
    before = counts.copy()
    found, kept = merged(np.arange(len(sizes), dtype=float), counts, least)
    assert (found.tolist(), kept[0].tolist()) == (starts, left)
    np.testing.assert_array_equal(counts, before)


def test_the_published_curve_of_a_training_set_like_the_paper_s() -> None:
    table = fit_age_table(*ages((25, 60, 30), (45, 60, 60), (65, 50, 120), (85, 0, 45)))
    found = table.probability(np.array([25.0, 45, 85]))
    assert found[1] == 0.5 and found[2] > 0.95 and found[0] < 0.4


def test_isotonic_pools_what_falls() -> None:
    given_ = ages((5, 6, 2), (15, 2, 6), (25, 9, 5), (35, 1, 9))
    table = fit_age_table(*given_, smoothing="isotonic")
    # 3/10, then 7/10 and 6/16 pooled to 13/26, then 10/12.
    np.testing.assert_allclose(table.probability_of_bin[:4], [0.3, 0.5, 0.5, 10 / 12])
    raw = fit_age_table(*given_)
    weight = raw.benign + raw.malignant + 2
    wanted = (
        IsotonicRegression()
        .fit(np.arange(len(weight)), raw.probability_of_bin, weight)
        .predict(np.arange(len(weight)))
    )
    np.testing.assert_allclose(table.probability_of_bin, wanted)


def test_logistic_meets_its_equations_and_two_bins_exactly() -> None:
    two = fit_age_table(*ages((20, 7, 1), (60, 1, 7)), smoothing="logistic", bin_width=40)
    np.testing.assert_allclose(two.probability_of_bin[:2], [0.2, 0.8])
    table = fit_age_table(
        *ages((5, 9, 1), (15, 6, 4), (25, 7, 3), (35, 1, 9)), smoothing="logistic"
    )
    size, malignant = table.benign + table.malignant + 2, table.malignant + 1
    residual = malignant - size * table.probability_of_bin
    np.testing.assert_allclose([residual.sum(), residual @ [5, 15, 25, 35]], 0, atol=1e-8)


def test_the_prior_shift_moves_the_odds() -> None:
    shift = np.log((50 / 90) / (265 / 180))
    assert shift == pytest.approx(-0.975, abs=5e-4)
    plain, moved = (
        fit_age_table(*ages((45, 10, 10), (85, 1, 9)), prior_shift=s).probability(
            np.array([45.0, 85.0])
        )
        for s in (0.0, shift)
    )
    np.testing.assert_allclose(moved / (1 - moved), plain / (1 - plain) * np.exp(shift))
    assert plain[0] == 0.5


@laws
@given(PATIENTS, OPTIONS)
def test_laws_of_every_table(patients, options) -> None:
    age, label = (
        np.array([one[k] for one in patients], dtype=t) for k, t in ((0, float), (1, int))
    )
    table = fit_age_table(age, label, **options)
    known = ~np.isnan(age)
    # No patient is lost or made, each is counted in the bin that answers for it.
    assert table.benign.sum() == (label[known] == 0).sum()
    assert table.malignant.sum() == (label[known] == 1).sum()
    assert (np.diff(table.edges) > 0).all() and table.edges[0] == 0 and table.edges[-1] == np.inf
    size = table.benign + table.malignant
    assert len(size) == 1 or size.min() >= options["least"]
    for k in range(len(size)):
        inside = (age >= table.edges[k]) & (age < table.edges[k + 1])
        assert (inside & (label == 1)).sum() == table.malignant[k]
    p = table.probability(age)
    assert ((p[known] > 0) & (p[known] < 1)).all() and np.isnan(p[~known]).all()
    if options["smoothing"] == "isotonic":
        assert (np.diff(table.probability_of_bin) >= -1e-12).all()
    if options["smoothing"] == "logistic":
        steps = np.diff(table.probability_of_bin)
        assert (steps >= -1e-12).all() or (steps <= 1e-12).all()
    # The order of patients changes nothing; JSON keeps every bit.
    again = fit_age_table(age[::-1], label[::-1], **options)
    np.testing.assert_allclose(again.probability_of_bin, table.probability_of_bin, atol=1e-9)
    back = AgeTable.from_json(json.loads(json.dumps(table.as_json(), allow_nan=False)))
    for name in AgeTable.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(back, name), getattr(table, name))


def test_nobody_s_age_known_is_no_evidence() -> None:
    table = fit_age_table(np.full(4, np.nan), np.array([0, 1, 1, 1]))
    assert table.probability(np.array([50.0])).tolist() == [0.5]
    assert np.isnan(table.share).all() and table.names == ["0+"]


def test_widths() -> None:
    age, label = ages(*[(years, 3, 3) for years in range(2, 100, 2)])
    for width, bins, last in ((5, 17, "80+"), (10, 9, "80+"), (15, 6, "75+"), (7.5, 11, "75+")):
        table = fit_age_table(age, label, bin_width=width)
        assert len(table.names) == bins and table.names[-1] == last
    assert table.names[0] == "0-<7.5"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"age": np.array([-1.0, 3])}, "age: -1.0 found, 0 or more years or NaN"),
        ({"age": np.array([np.inf, 3])}, "age: inf found"),
        ({"age": np.array([3.0])}, r"age, label: shapes \(1,\) and \(2,\)"),
        ({"label": np.array([0, 2])}, r"label: \[0, 2\] found"),
        ({"smoothing": "none"}, "smoothing: 'none' found, one of laplace, isotonic, logistic"),
        ({"bin_width": 0}, "bin_width: 0 found, 1 or more years"),
        ({"pseudo_count": 0}, "pseudo_count: 0 found, a finite value above 0"),
        ({"least": 0}, "least: 0 found, 1 or more patients"),
        ({"prior_shift": np.nan}, "prior_shift: nan found"),
    ],
)
def test_what_no_table_is_fitted_with(change, said) -> None:
    with pytest.raises(ValueError, match=said):
        fit_age_table(**({"age": np.array([3.0, 4]), "label": np.array([0, 1])} | change))


def test_what_no_table_answers_or_reads() -> None:
    table = fit_age_table(*ages((5, 6, 2)))
    with pytest.raises(ValueError, match=r"age: -2.0 found"):
        table.probability(np.array([-2.0]))
    with pytest.raises(ValueError, match=r"told: no \['edges'\] found"):
        AgeTable.from_json({k: v for k, v in table.as_json().items() if k != "edges"})
