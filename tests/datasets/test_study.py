"""A finished study in the catalog."""

from pathlib import Path

import optuna
from optuna.trial import TrialState

from osteon.datasets import StudyDataset


def study(values: list[float]) -> optuna.Study:
    made = optuna.create_study(study_name="begun-elsewhere", direction="maximize")
    made.set_user_attr("begun_as", "begun-elsewhere")
    for value in values:
        trial = optuna.trial.create_trial(
            params={"x": value},
            distributions={"x": optuna.distributions.FloatDistribution(0, 9)},
            value=value,
            user_attrs={"slot": int(value)},
        )
        made.add_trial(trial)
    return made


def test_a_study_comes_back_with_its_trials_and_facts(tmp_path: Path) -> None:
    dataset = StudyDataset(str(tmp_path / "folder" / "study.db"), "paper")
    assert not dataset.exists()
    dataset.save(study([1.0, 3.0, 2.0]))
    assert dataset.exists()
    found = dataset.load()
    assert [trial.value for trial in found.trials] == [1.0, 3.0, 2.0]
    assert found.trials[1].user_attrs == {"slot": 3} and found.best_params == {"x": 3.0}
    assert found.user_attrs == {"begun_as": "begun-elsewhere"}
    assert {trial.state for trial in found.trials} == {TrialState.COMPLETE}


def test_the_newest_study_replaces_the_one_before_and_no_other_is_in_the_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "study.db"
    for values in ([1.0, 2.0], [5.0]):
        StudyDataset(str(file), "paper").save(study(values))
    assert [trial.value for trial in StudyDataset(str(file), "paper").load().trials] == [5.0]
    assert optuna.get_all_study_names(f"sqlite:///{file}") == ["paper"]
    assert not StudyDataset(str(file), "other").exists()
