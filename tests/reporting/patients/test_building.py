"""From the fusion's tables to cases."""

import numpy as np
import pandas as pd
import pytest

from osteon.reporting.patients.building import age_in_words, case_of
from tests.reporting.patients.sample import NONE, USUAL, case, explained, samples


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (57.9, "57"),
        (89, "89"),
        (89.5, "89+"),
        (92, "89+"),
        (NONE, "not known"),
        (None, "not known"),
    ],
)
def test_an_age_in_words(age: float, shown: str) -> None:
    assert age_in_words(age) == shown
    assert age_in_words(None) == age_in_words(pd.NA) == "not known"


def test_what_the_tables_say_is_what_the_case_says() -> None:
    tables = explained(USUAL)
    made = case(tables, reason="why")
    assert (made.truth, made.call, made.age) == (True, True, "57")
    assert (made.a, made.reason, made.location) == (0.62, "why", "cervical+thoracic")
    assert made.score == pytest.approx(tables.patients["score"].iloc[0])
    assert [one.name for one in made.sequences] == list(USUAL)
    assert [one.m for one in made.sequences] == [m for _, m in USUAL.values()]
    assert [one.vote for one in made.sequences] == [True, False, True]
    first = made.sequences[0]
    assert [image.d for image in first.images] == [0.83, 0.9, 0.2, None, 0.7]
    assert [image.vote for image in first.images] == [True, True, False, None, True]
    assert first.plane == "sagittal"


def test_an_image_without_a_vote_has_no_p() -> None:
    silent = case(explained(USUAL)).sequences[0].images[3]
    assert silent.p is None and silent.parts == (0, 0, 0)


def test_a_sequence_that_abstains_has_no_score() -> None:
    made = case(explained({"T1WI": ([NONE], NONE), "T2WI": ([0.9], 0.9)}))
    assert made.sequences[0].vote is None and made.sequences[0].score is None


def test_images_stand_in_slice_order_with_their_own_picture() -> None:
    tables = explained({"T1WI": ([0.9, 0.8, 0.7], 0.5)})
    known = samples(tables).assign(slice=pd.array([3, 1, 2], "Int64"))
    ids = tables.images["sample_id"].tolist()
    pictures = {ids[0]: np.zeros((8, 8, 3), np.uint8), ids[1]: np.full((8, 8, 3), 255, np.uint8)}
    given = {"name": "n", "reason": "r"}
    made = case_of("p1", tables, known, pictures=pictures, **given).sequences[0].images
    assert [image.slice for image in made] == [1, 2, 3]
    assert [image.d for image in made] == [0.8, 0.7, 0.9]
    assert made[1].picture is None and made[0].picture != made[2].picture
    unknown = known.assign(slice=pd.array([None] * 3, "Int64"))
    images = case_of("p1", tables, unknown, pictures={}, **given).sequences[0].images
    assert [image.slice for image in images] == [1, 2, 3]


def test_strip_and_place_of_the_tube_go_with_their_sequence() -> None:
    tables = explained(USUAL)
    strips = {"p1-T2WI": np.zeros((8, 8, 3), np.uint8)}
    made = case(tables, strips=strips, box_from={"p1-T2WI": "other_series"})
    assert [one.strip is not None for one in made.sequences] == [False, True, False]
    assert made.sequences[1].box_from == "other_series"


def test_what_is_not_known_is_not_made_up() -> None:
    tables = explained({"T1WI": ([0.9], 0.9)}, a=NONE)
    known = samples(tables, age=NONE).drop(columns=["location", "view"])
    made = case_of("p1", tables, known, name="n", reason="r", pictures={})
    assert (made.a, made.age, made.location, made.sequences[0].plane) == (None, "not known", "", "")
