"""Votes and Eq. 1 in words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.reporting.patients.cases import ImageCase, PatientCase
from osteon.reporting.patients.words import Words, number
from tests.reporting.patients.sample import NONE, USUAL, WEIGHTS, case, explained

WORDS = Words("benign", "malignant", WEIGHTS)


def _case(sequences: dict, a: float = 0.62, **changed: object) -> PatientCase:
    return case(explained(sequences, a=a), pictures=False, **changed)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.834, "0.83"),
        (0.5, "0.50"),
        (0.497, "0.497"),
        (0.5004, "0.5004"),
        (None, "–"),
        (1.0, "1.00"),
    ],
)
def test_a_number_shows_its_side_of_a_half(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_every_vote_is_told() -> None:
    made = _case(USUAL)
    told = [WORDS.sequence(one, made.a) for one in made.sequences]
    assert told[0] == (
        "3 of 4 images say malignant → malignant. 1 image without a box does not vote."
    )
    assert told[1] == "Both images say benign → benign. 1 image without a box does not vote."
    assert WORDS.patient(made) == "2 of 3 sequences say malignant → malignant."


def test_one_of_one_is_told() -> None:
    made = _case({"T1WI": ([0.9], 0.8)})
    assert WORDS.sequence(made.sequences[0], 0.62) == (
        "The only voting image says malignant → malignant."
    )
    assert WORDS.patient(made) == "The only voting sequence says malignant → malignant."


def test_a_tie_is_told_with_what_decides() -> None:
    made = _case({"T1WI": ([0.9, 0.1], 0.5), "T2WI": ([0.1, 0.2], 0.1)}, a=0.5)
    assert WORDS.sequence(made.sequences[0], 0.5) == (
        "1 of 2 images says malignant, a tie: the mean P of 0.50 decides → malignant."
    )
    assert WORDS.patient(made).startswith("1 of 2 sequences says benign, a tie: the mean P of")


def test_a_sequence_without_a_box_names_who_is_left() -> None:
    made = _case({"T1WI": ([NONE, NONE], 0.7), "T2WI": ([0.9], 0.9)})
    one = made.sequences[0]
    assert WORDS.sequence(one, made.a) == (
        "No box on any image: the sequence model and the age alone say malignant."
    )
    other = _case({"T1WI": ([NONE, NONE], 0.7)}, a=NONE)
    assert WORDS.sequence(other.sequences[0], other.a) == (
        "No box on any image: the sequence model alone says malignant."
    )


def test_who_abstains_is_told() -> None:
    made = _case({"T1WI": ([NONE], NONE), "T2WI": ([0.9], 0.9)})
    assert WORDS.sequence(made.sequences[0], made.a) == (
        "No box and no number of the sequence model: this sequence abstains."
    )
    sequence_alone = Words("benign", "malignant", (0.0, 0.45, 0.1))
    assert sequence_alone.sequence(made.sequences[0], made.a) == (
        "No number of the sequence model: this sequence abstains."
    )
    assert WORDS.patient(made).endswith("1 sequence abstains.")
    alone = _case({"T1WI": ([NONE], NONE)})
    assert WORDS.patient(alone) == "No sequence has a vote: the age alone says malignant."


def test_without_a_detector_images_share_their_p() -> None:
    weights = (0.0, 0.45, 0.1)
    made = case(explained({"T1WI": ([0.9, 0.2], 0.2)}, weights=weights), pictures=False)
    words = Words("benign", "malignant", weights)
    assert words.sequence(made.sequences[0], made.a) == (
        "All 2 images say benign: without the detector they have one P in common."
    )


def test_the_arithmetic_is_written_out() -> None:
    image = ImageCase(1, 0.83, 0.755, 0.45 * 0.83, 0.45 * 0.71, 0.062, True)
    assert WORDS.arithmetic(image, 0.71, 0.62) == ("0.45 × 0.83 + 0.45 × 0.71 + 0.10 × 0.62 = 0.76")
    assert WORDS.formula == "P = 0.45 × D + 0.45 × M + 0.10 × A"


def test_the_weights_that_are_left_are_divided_by() -> None:
    made = _case({"T1WI": ([0.9], 0.7)}, a=NONE)
    image = made.sequences[0].images[0]
    assert WORDS.arithmetic(image, 0.7, None) == "(0.45 × 0.90 + 0.45 × 0.70) / 0.90 = 0.80"
    assert Words("b", "m", (0.45, 0.0, 0.1)).formula == "P = (0.45 × D + 0.10 × A) / 0.55"


def test_an_image_that_counts_as_a_half_for_want_of_a_box() -> None:
    image = ImageCase(1, None, 0.6, 0.225, 0.315, 0.06, True)
    WORDS.check(image, 0.7, 0.6)
    assert WORDS.arithmetic(image, 0.7, 0.6).startswith("0.45 × 0.50 + ")


@settings(max_examples=40, deadline=None)
@given(*[st.one_of(st.just(NONE), st.floats(0, 1))] * 3)
def test_contributions_of_eq_1_pass_and_others_do_not(d: float, m: float, a: float) -> None:
    tables = explained({"T1WI": ([d], m)}, a=a)
    if tables.images["counted"].all():
        made = case(tables, pictures=False)
        image = made.sequences[0].images[0]
        assert abs(sum(image.parts) - (image.p or 0)) < 1e-9
        WORDS.check(image, made.sequences[0].m, made.a)


def test_contributions_of_other_weights_are_refused() -> None:
    made = _case(USUAL)
    words = Words("benign", "malignant", (0.5, 0.4, 0.1))
    with pytest.raises(ValueError, match="contribution of detector"):
        words.check(made.sequences[0].images[0], made.sequences[0].m, made.a)


@pytest.mark.parametrize(
    ("label", "d", "said"),
    [
        (1, 0.9, "rightly called"),
        (0, 0.1, "rightly called"),
        (1, 0.1, "a malignant tumour missed"),
        (0, 0.9, "a false alarm"),
    ],
)
def test_right_and_wrong_are_told(label: int, d: float, said: str) -> None:
    made = case(explained({"T1WI": ([d], d)}, a=d, label=label), pictures=False)
    assert WORDS.verdict(made) == said
