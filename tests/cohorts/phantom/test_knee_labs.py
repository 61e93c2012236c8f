"""Ages, sexes and blood values follow the medicine that the paper leans on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from osteon.cohorts.phantom import knee_labs as labs
from osteon.cohorts.phantom.knee import KneePhantomConfig
from osteon.cohorts.phantom.knee_export import draw_person, is_tumour

MANY = 4000


def people(config: KneePhantomConfig, count: int = MANY) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for index in range(count):
        tumour = is_tumour(config, index)
        burden = float(rng.random())
        rows.append({"tumour": tumour, **draw_person(rng, config, tumour, burden)})
    made = pd.DataFrame(rows)
    for name in ("alp", "ldh"):
        made[f"{name}_norm"] = (made[name] - made[f"{name}_low"]) / (
            made[f"{name}_high"] - made[f"{name}_low"]
        )
    return made


@pytest.fixture(scope="module")
def crowd() -> pd.DataFrame:
    return people(KneePhantomConfig())


def auc(made: pd.DataFrame, name: str) -> float:
    known = made.dropna(subset=[name])
    return float(roc_auc_score(known["tumour"], known[name]))


def test_alp_tells_more_than_ldh(crowd: pd.DataFrame) -> None:
    assert auc(crowd, "alp_norm") > auc(crowd, "ldh_norm") + 0.08
    assert 0.62 < auc(crowd, "ldh_norm") < 0.8
    assert 0.82 < auc(crowd, "alp_norm") < 0.94


def test_without_an_effect_the_labs_tell_next_to_nothing() -> None:
    flat = people(KneePhantomConfig(lab_effect=0, age_effect=0))
    assert auc(flat, "ldh_norm") == pytest.approx(0.5, abs=0.06)
    assert auc(flat, "alp_norm") == pytest.approx(0.5, abs=0.06)
    assert auc(flat, "age") == pytest.approx(0.5, abs=0.04)


def test_boys_outnumber_girls_by_1_3_with_osteosarcoma(crowd: pd.DataFrame) -> None:
    sexes = crowd.loc[crowd["tumour"], "sex"].value_counts()
    assert sexes["M"] / sexes["F"] == pytest.approx(1.3, rel=0.15)


def test_ages_peak_in_adolescence_and_again_in_old_age(crowd: pd.DataFrame) -> None:
    ill = crowd[crowd["tumour"]]
    assert crowd["age"].between(labs.AGE_MIN, labs.AGE_MAX).all()
    girls, boys = (ill.loc[ill["sex"] == sex, "age"] for sex in "FM")
    assert girls.between(10, 14).sum() > girls.between(15, 19).sum()
    assert boys.between(15, 19).sum() > boys.between(10, 14).sum()
    assert ill["age"].ge(66).sum() > 1.5 * ill["age"].between(50, 65).sum()
    well = crowd.loc[~crowd["tumour"], "age"]
    assert well.between(15, 60).mean() > 0.75
    assert 25 < well.median() < 40


def test_healthy_adolescents_exceed_an_adult_range_and_their_own_fits() -> None:
    rng = np.random.default_rng(1)
    values = np.array([labs.healthy(rng, labs.alp_range(13, "M")) for _ in range(500)])
    low, high = labs.alp_range(13, "M")
    assert ((values > low) & (values < high)).mean() > 0.9
    assert (values > labs.alp_range(30, "M")[1]).mean() > 0.8


def test_printed_ranges_rise_and_differ_between_kits(crowd: pd.DataFrame) -> None:
    known = crowd.dropna(subset=["alp"])
    assert (known["alp_low"] < known["alp_high"]).all() and (known["alp_low"] > 0).all()
    ldh = crowd.dropna(subset=["ldh"])
    assert (ldh["ldh_low"] < ldh["ldh_high"]).all()
    adults = known[known["age"].between(20, 40) & (known["sex"] == "M")]
    assert adults["alp_high"].nunique() >= 3
    boys = known[known["age"].between(13, 14) & (known["sex"] == "M")]
    assert boys["alp_high"].min() < 200 < boys["alp_high"].max()


def test_labs_are_missing_as_asked_and_more_often_after_injury(crowd: pd.DataFrame) -> None:
    config = KneePhantomConfig()
    missing = crowd["alp"].isna().groupby(crowd["tumour"]).mean()
    assert missing[False] == pytest.approx(config.missing_labs_non_tumour, abs=0.02)
    assert missing[True] == pytest.approx(config.missing_labs_osteosarcoma, abs=0.02)
    assert (crowd["alp"].isna() == crowd["alp_high"].isna()).all()
    never = people(
        KneePhantomConfig(missing_labs_non_tumour=0, missing_labs_osteosarcoma=0), count=200
    )
    assert never.notna().all(axis=None)


@pytest.mark.parametrize("sex", ["F", "M"])
@pytest.mark.parametrize("age", [4, 9, 10, 14, 15, 18, 19, 49, 50, 81])
def test_every_age_has_a_range(age: int, sex: str) -> None:
    for low, high in (labs.alp_range(age, sex), labs.ldh_range(age)):
        assert 0 < low < high


@pytest.mark.parametrize("share", [0.1, 394 / 848, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_class_share_holds_at_every_size(share: float, seed: int) -> None:
    config = KneePhantomConfig(osteosarcoma_fraction=share, seed=seed)
    counts = np.cumsum([is_tumour(config, index) for index in range(120)])
    assert (np.abs(counts - share * np.arange(1, 121)) <= 1).all()
