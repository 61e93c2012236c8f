import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.reporting.choice import NAMES, choose, choose_prepared, labels


def _predictions(probabilities: list[float], labels: list[int], a_patient: int = 1) -> pd.DataFrame:
    names = [f"S{at}" for at in range(len(labels))]
    return pd.DataFrame(
        {
            "sample_id": names,
            "patient_id": [f"P{at // a_patient}" for at in range(len(labels))],
            "label": labels,
            "prob_other": 1 - np.array(probabilities),
            "prob_tumour": probabilities,
        }
    )


def _by_name(reference: pd.DataFrame, headline: pd.DataFrame, count: int) -> dict[str, tuple]:
    return {one.name: one.samples for one in choose(reference, headline, count)}


def test_galleries_hold_what_their_captions_say() -> None:
    labels = [1, 1, 1, 0, 0, 0]
    before = _predictions([0.9, 0.2, 0.4, 0.1, 0.8, 0.6], labels)
    after = _predictions([0.95, 0.7, 0.3, 0.2, 0.1, 0.9], labels)
    found = _by_name(before, after, 6)
    assert set(found["right"]) == {"S0", "S1", "S3", "S4"}
    assert found["baseline_wrong"] == ("S1", "S4", "S2", "S5")
    assert found["shift"] == ("S4", "S1")
    assert found["best"][:2] == ("S0", "S4")
    assert found["worst"] == ("S2", "S5")


def test_a_patient_stands_in_a_gallery_once() -> None:
    after = _predictions([0.9, 0.8, 0.7, 0.6], [1, 1, 1, 1], a_patient=2)
    assert _by_name(after, after, 4)["best"] == ("S0", "S2")


def test_one_class_fills_what_the_other_lacks() -> None:
    after = _predictions([0.9, 0.8, 0.7, 0.1], [1, 1, 1, 0])
    assert set(_by_name(after, after, 4)["best"]) == {"S0", "S1", "S2", "S3"}


def test_right_is_spread_from_sure_to_unsure() -> None:
    probabilities = [0.99, 0.97, 0.95, 0.6, 0.55]
    after = _predictions(probabilities, [1] * 5)
    assert _by_name(after, after, 2)["right"] == ("S0", "S4")


def test_samples_of_one_learner_only_are_left_out() -> None:
    after = _predictions([0.9, 0.8], [1, 1])
    assert _by_name(after.iloc[:1], after, 4)["best"] == ("S0",)


def test_no_case_gives_an_empty_gallery() -> None:
    after = _predictions([0.9, 0.1], [1, 0])
    assert _by_name(after, after, 4)["worst"] == ()


def test_count_below_one_is_refused() -> None:
    after = _predictions([0.9], [1])
    with pytest.raises(ValueError, match="count: 0 found"):
        choose(after, after, 0)
    with pytest.raises(ValueError, match="count: 0 found"):
        choose_prepared(_samples(["whole"], [0]), 0)


cases = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1)), min_size=1)


@given(cases, st.integers(1, 7))
def test_galleries_never_exceed_their_size_or_mix_right_and_wrong(
    rows: list[tuple[float, float, int]], count: int
) -> None:
    before, after, labels = (list(column) for column in zip(*rows, strict=True))
    found = _by_name(_predictions(before, labels), _predictions(after, labels), count)
    assert all(len(names) <= count and len(set(names)) == len(names) for names in found.values())
    assert not set(found["best"]) & set(found["worst"])
    assert set(found["shift"]).isdisjoint(found["worst"])
    total = len(rows)
    assert bool(found["best"]) or len(found["worst"]) == min(count, total)


def test_hidden_samples_are_never_chosen() -> None:
    after = _predictions([0.9, 0.8, 0.7, 0.1], [1, 1, 1, 0])
    for gallery in choose(after, after, 4, hidden=["S0", "S3"]):
        assert not {"S0", "S3"} & set(gallery.samples)


def test_titles_and_captions_name_the_learners_and_the_class() -> None:
    after = _predictions([0.9, 0.1], [1, 0])
    found = {one.name: one for one in choose(after, after, 2, called=("DenseNet", "SMSDNet"))}
    assert found["baseline_wrong"].title == "Misjudged by DenseNet"
    assert found["shift"].title == "Misjudged by DenseNet, right with SMSDNet"
    assert "missed tumour and false alarms" in found["baseline_wrong"].caption
    assert "that SMSDNet gave" in found["best"].caption
    assert not any("{" in one.title + one.caption for one in found.values())
    assert not any("told from all others" in one.caption for one in found.values())


def test_with_three_classes_right_is_the_last_against_the_rest_and_it_is_said() -> None:
    table = pd.DataFrame(
        {
            "sample_id": ["A", "B", "C"],
            "patient_id": ["a", "b", "c"],
            "label": [0, 1, 2],
            "prob_benign": [0.1, 0.1, 0.4],
            "prob_intermediate": [0.8, 0.3, 0.1],  # A: another class, but not the last
            "prob_malignant": [0.1, 0.6, 0.5],
        }
    )
    found = {one.name: one for one in choose(table, table, 3)}
    assert set(found["right"].samples) == {"A", "C"} and found["worst"].samples == ("B",)
    for one in found.values():
        assert "Of 3 classes, right means here that malignant was told from all others" in (
            one.caption
        )


@pytest.mark.parametrize(
    ("learners", "wanted"),
    [
        (("resnet18_baseline", "resnet18_all"), ("baseline", "all inputs")),
        (("resnet18_age", "resnet18_alp_ldh"), ("age", "ALP LDH")),
        (("densenet", "smsdnet"), ("DenseNet", "SMSDNet")),
        (("googlenet", "alexnet_bn"), ("GoogLeNet", "AlexNet-BN")),
        (("alpha_one", "beta_one"), ("alpha one", "beta one")),
        (("same_one", "same_one"), ("same one", "same one")),
        (("same", "same_all"), ("same", "same all")),
    ],
)
def test_learners_are_called_by_what_tells_them_apart(
    learners: tuple[str, str], wanted: tuple[str, str]
) -> None:
    assert labels(*learners) == wanted


def _samples(sources: list[str], labels: list[int], a_patient: int = 1) -> pd.DataFrame:
    table = _predictions([0.5] * len(labels), labels, a_patient)
    return table[["sample_id", "patient_id", "label"]].assign(crop_source=sources)


def test_every_crop_source_is_shown_once_then_the_classes_in_turn() -> None:
    sources = ["otsu"] * 40 + ["mask", "box", "whole"]
    samples = _samples(sources, [0, 1, 2, 1] * 10 + [0, 0, 0])
    found = choose_prepared(samples, 8)
    shown = samples.set_index("sample_id").loc[list(found.samples)]
    assert found.name == "prepared" == NAMES[0] and len(shown) == 8
    assert shown["crop_source"].nunique() == 4
    assert list(shown["crop_source"][:3]) == ["box", "mask", "whole"]  # the rare ones first
    # Three of class 0 came with the sources; the others follow in turn, the last class first.
    assert list(shown["label"]) == [0, 0, 0, 2, 1, 2, 1, 2]


def test_one_image_a_patient_is_prepared_unless_a_source_would_be_missing() -> None:
    samples = _samples(["whole", "whole", "otsu", "whole"], [1, 1, 1, 0], a_patient=3)
    found = choose_prepared(samples, 4)
    shown = samples.set_index("sample_id").loc[list(found.samples)]
    assert list(shown["patient_id"]) in (["P0", "P1"], ["P1", "P0"])
    alone = _samples(["mask", "otsu", "otsu"], [1, 1, 1], a_patient=3)
    both = alone.set_index("sample_id").loc[list(choose_prepared(alone, 4).samples)]
    assert list(both["crop_source"]) == ["mask", "otsu"]


def test_prepared_hides_draws_by_place_and_repeats() -> None:
    samples = _samples(["whole"] * 30, [0, 1] * 15)
    found = choose_prepared(samples, 4, hidden=["S3"])
    assert "S3" not in found.samples
    assert found == choose_prepared(samples, 4, hidden=["S3"])
    other = choose_prepared(samples, 4, seed=1)
    assert other.samples != choose_prepared(samples, 4).samples
    renamed = samples.assign(
        sample_id="x" + samples["sample_id"], patient_id="y" + samples["patient_id"]
    )
    again = choose_prepared(renamed, 4, seed=1)
    assert tuple(name.removeprefix("x") for name in again.samples) == other.samples


sources = st.sampled_from(["whole", "otsu", "mask", "box"])
prepared = st.lists(st.tuples(sources, st.integers(0, 2), st.integers(0, 5)), max_size=12)


@given(prepared, st.integers(1, 9))
def test_prepared_never_exceeds_its_size_nor_leaves_out_a_source(
    rows: list[tuple[str, int, int]], count: int
) -> None:
    found, labels, patients = ([row[at] for row in rows] for at in range(3))
    samples = _samples(found, labels).assign(patient_id=patients)
    chosen = choose_prepared(samples, count).samples
    assert len(chosen) <= count and len(set(chosen)) == len(chosen)
    shown = samples.set_index("sample_id").loc[list(chosen)]
    assert shown["crop_source"].nunique() == min(count, len(set(found)))
    assert shown["patient_id"].nunique() == min(count, len(set(patients))) or len(shown) == count
