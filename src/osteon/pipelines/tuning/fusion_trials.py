"""One trial of Eq. 1: saved predictions called again with other weights, bins or scores.

No network is touched: what detector and sequence models said of patients that they were not fitted
on lies in tables. Boxes, ages and terms that a value does not change are counted once and kept, so
that a trial of λ alone costs less than what Optuna spends on drawing it.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from osteon.pipelines.spinal_wff import fusing, parts
from osteon.pipelines.spinal_wff.detecting import wff
from osteon.pipelines.tuning.seen import SEEN, write_seen
from osteon.recipes import Recipe
from osteon.recipes.spinal_wff import PUBLISHED, TERMS, FusionLearner, WFFRecipe
from osteon.recipes.tuning import SpaceError, tuned_recipe

if TYPE_CHECKING:
    from osteon.measures.fusion import Summary, Terms
    from osteon.pipelines.tuning.studying import Outcome

WEIGHTS, SLICES = "weights", "sequence.slices"
TUNABLE = (WEIGHTS, SLICES, "voting.score", "voting.aggregate", "voting.no_box")
AGE = "age."
ACCURACY, AUROC = "accuracy", "auroc"
Objective = Literal["accuracy", "auroc"]
KEPT = 8
"""Terms of as many settings stay in memory: a study moves between few at a time."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Setting:
    """What a trial's values make of the framework.

    Attributes:
        weights: λ1, λ2, λ3.
        slices: N of the sequence model that speaks.
        recipe: boxes, ages and votes.
    """

    weights: Triple
    slices: int
    recipe: WFFRecipe


class Counted(NamedTuple):
    """The terms of one part, and what votes need of them whatever the weights."""

    terms: "Terms"
    summary: "Summary"


class Called(NamedTuple):
    """How good one row of weights is, and what it says of each patient of the terms."""

    accuracy: float
    auroc: float
    vote: np.ndarray
    score: np.ndarray


@dataclass(frozen=True, eq=False)
class Predictions:
    """What detector and sequence models said, and who is judged; travels by pickle.

    Attributes:
        samples: one row a slice: sample_id, patient_id, series_id, slice, fold.
        detections: found boxes, with fold and split.
        scores: N → what that sequence model said of each series, with fold and split.
        people: patient_id, fold, split, label and age, one row a patient.
        classes: names, the positive one last.
    """

    samples: pd.DataFrame
    detections: pd.DataFrame
    scores: Mapping[int, pd.DataFrame]
    people: pd.DataFrame
    classes: tuple[str, ...]

    def counted(self, setting: Setting, split: str = parts.INNER) -> Counted:
        """The terms of a part, as the row itself counts them.

        Args:
            setting: all but its weights is read.
            split: `cv`, the training part with each patient out of fold, or `test`.
        """
        how = setting.recipe
        return self._counted(
            setting.slices,
            how.voting.score,
            how.voting.aggregate,
            how.voting.no_box,
            how.age,
            split,
        )

    def held(self) -> list[dict[str, Any]]:
        """All slices that these tables hold something of, as `osteon.pipelines.tuning.seen` has it.

        A patient is judged in its inner fold, by age tables of the other folds. What belongs to no
        patient of the training part counts as fitted on everywhere; a patient without a slice is
        named itself. All of it counts as seen by every trial, whether its values read it or not.
        """
        patients: set[str] = set()
        for one in (self.detections, *self.scores.values(), self.people):
            patients |= set(one["patient_id"])
        own = self.samples.loc[self.samples["patient_id"].isin(patients)]
        fold = dict(zip(own["sample_id"], own["fold"], strict=True))
        strangers = set(self.detections["sample_id"]) | (patients - set(own["patient_id"]))
        strangers |= set(self.samples["sample_id"])
        strangers -= set(fold)
        return [
            {
                "fold": int(k),
                "fitted": sorted({*(one for one in fold if fold[one] != k), *strangers}),
                "judged": sorted(one for one in fold if fold[one] == k),
            }
            for k in sorted(set(fold.values()))
        ]

    def __getstate__(self) -> dict[str, Any]:
        """The tables alone: what is kept is counted again in another process."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @cached_property
    def _counted(self) -> Callable[..., Counted]:
        from osteon.measures.fusion import summary_of

        @lru_cache(maxsize=KEPT)
        def count(
            slices: int, score: float, aggregate: Any, no_box: Any, age: Any, split: str
        ) -> Counted:
            images, series, people = self._opinions(slices, score, aggregate)
            said = people.assign(a=people["patient_id"].map(self._ages(age)))
            terms = fusing.terms_of_part(images, series, said, split)
            return Counted(terms, summary_of(terms, no_box))

        return count

    @cached_property
    def _opinions(self) -> Callable[..., fusing.Frames]:
        @lru_cache(maxsize=KEPT)
        def count(slices: int, score: float, aggregate: Any) -> fusing.Frames:
            how = WFFRecipe.model_validate({"voting": {"score": score, "aggregate": aggregate}})
            return fusing.opinions(
                self.samples, self.detections, self.scores[slices], self.people, self.classes, how
            )

        return count

    @cached_property
    def _ages(self) -> Callable[..., pd.Series]:
        @lru_cache(maxsize=KEPT)
        def count(age: Any) -> pd.Series:
            said = fusing.age_opinions(self.people, age)
            return pd.Series(said, index=self.people["patient_id"])

        return count


@dataclass(frozen=True, eq=False)
class FusionTrial:
    """A trial of Eq. 1 on the training part's predictions out of fold.

    Attributes:
        predictions: of the training part alone.
        recipe: the framework's.
        learner: the row of Table 3 that is tuned; it has all three terms.
        slices: N of its sequence model, where N is not tuned.
        objective: `accuracy` of the votes, or `auroc` of the scores.
        workspace: the study's own folder, where what trials saw is written down.
    """

    predictions: Predictions
    recipe: Recipe
    learner: FusionLearner
    slices: int
    objective: Objective
    workspace: Path

    def __call__(
        self, values: dict[str, Any], report: Callable[[int, float], None], number: int
    ) -> "Outcome":
        """Value and facts of some values by path; nothing is reported before the end.

        Raises:
            ValueError: the values make no setting.
        """
        from osteon.pipelines.tuning.studying import Outcome

        started, seen = time.perf_counter(), self.seen  # on record before anything is judged
        setting = self.setting(values)
        called = self.called(setting)
        facts = {
            "accuracy": called.accuracy,
            "auroc": called.auroc if np.isfinite(called.auroc) else None,
            "weights": list(setting.weights),
            "slices": setting.slices,
            "seen": seen,
            "seconds": time.perf_counter() - started,
        }
        return Outcome(self.value(called.accuracy, called.auroc, len(called.vote)), facts)

    def setting(self, values: Mapping[str, Any]) -> Setting:
        """What some values by path make of the framework.

        Raises:
            SpaceError: a path that would need a network, an N of which there is no saved model, or
                a value that the recipe does not take.
            ValidationError: as SpaceError, in pydantic's words.
        """
        for path in values:
            if path not in TUNABLE and not path.startswith(AGE):
                raise SpaceError(
                    f"{path}: found in the space; allowed without training a network are "
                    f"{', '.join(TUNABLE)} and {AGE}<field>"
                )
        own = {path: one for path, one in values.items() if path not in (WEIGHTS, SLICES)}
        slices = values.get(SLICES, self.slices)
        if slices not in self.predictions.scores:
            raise SpaceError(
                f"{SLICES}: {slices} found; sequence models are there with "
                f"{sorted(self.predictions.scores)}"
            )
        weighed = self.learner
        if WEIGHTS in values:
            weighed = FusionLearner(terms=TERMS, weights=tuple(values[WEIGHTS]))
        return Setting(weighed.lambdas(PUBLISHED), slices, self._recipe(json.dumps(own)))

    def called(self, setting: Setting, split: str = parts.INNER) -> Called:
        """Accuracy, AUROC, votes and scores of a setting on a part."""
        from osteon.measures.fusion import of_rows
        from osteon.measures.fusion_search import aurocs
        from osteon.measures.fusion_terms import normalised

        terms, summary = self.predictions.counted(setting, split)
        vote, score = of_rows(terms, summary, normalised(np.array([setting.weights])))
        right = np.count_nonzero(vote[0] == (terms.label == 1))
        auroc = float(aurocs(terms.label, score)[0])
        return Called(right / len(terms.label), auroc, vote[0], score[0])

    def judged(self, setting: Setting, split: str) -> dict[str, Any]:
        """The objective on a part with its interval, as `osteon.measures.tuning.judged` tells it.

        Accuracy is that of the votes, which is not that of the scores.
        """
        from osteon.measures.tuning import judged

        terms, called = self.predictions.counted(setting, split).terms, self.called(setting, split)
        by_votes = self.objective == ACCURACY
        table = pd.DataFrame({"patient_id": terms.patient_ids, "label": terms.label})
        return judged(
            table.assign(score=called.vote.astype(np.float64) if by_votes else called.score),
            self.objective,
        )

    def value(self, accuracy: float, auroc: float, patients: int) -> float:
        """What the study makes as large as it can.

        Accuracy is a step function with wide plateaus: of settings that call as many patients
        right, the one that ranks them better wins, by less than one patient's worth.
        """
        known = auroc if np.isfinite(auroc) else 0.0
        return known if self.objective == AUROC else accuracy + known / (2 * patients)

    @cached_property
    def seen(self) -> str:
        """Name of the record of what every trial of this study sees, written when first asked."""
        return write_seen(self.workspace / SEEN, self.predictions.held())

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made again in another process."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @cached_property
    def _recipe(self) -> Callable[[str], WFFRecipe]:
        @lru_cache(maxsize=KEPT)
        def make(values: str) -> WFFRecipe:
            full = tuned_recipe(self.recipe, self.learner, json.loads(values))
            return wff(Recipe.model_validate(full))

        return make
