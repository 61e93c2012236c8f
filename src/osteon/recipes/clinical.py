"""Clinical values as the late-fusion paper feeds them to a network: pandas and NumPy only.

Gender: female +0.5, male −0.5, unknown 0. Age: years / 100. ALP and LDH: (y − L) / (H − L) with the
record's own kit range L..H, so 0 to 1 is normal, above 1 raised, below 0 lowered (paper, Eq. 2).
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator

if TYPE_CHECKING:
    import pandas as pd

GENDER = {"F": 0.5, "M": -0.5}
MAX_AGE = 120
MIDDLE = 0.5  # middle of a reference range, and of the span of ages
FEATURES = {"gender": "gender", "age": "age_norm", "alp": "alp_norm", "ldh": "ldh_norm"}
LABS = ("alp", "ldh")
SOURCES = {
    "gender": ("sex",),
    "age": ("age",),
    "alp": ("alp", "alp_low", "alp_high"),
    "ldh": ("ldh", "ldh_low", "ldh_high"),
}


class ClinicalError(ValueError):
    """A clinical value that cannot be used; names row and column, never a patient."""


class ReferenceRange(NamedTuple):
    """Lower and upper bound of normal, U/L."""

    low: float
    high: float


class ClinicalConfig(BaseModel):
    """How clinical values become numbers.

    Attributes:
        missing: what a missing lab or age gets. `impute`: 0.5, the middle of normal. `indicator`:
            0.5 and one more input a lab that says it was missing. `drop`: the patient is left out
            by learners that use the value.
        alp_range: for an ALP whose record has no reference range (adults), U/L; its use is flagged.
        ldh_range: the same for LDH.
        clip: bounds on the normalised lab, None = none (the paper does not clip).
        log1p: sign(v) · ln(1 + |v|) of the normalised, clipped lab.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    missing: Literal["impute", "indicator", "drop"] = "impute"
    alp_range: ReferenceRange = ReferenceRange(45.0, 125.0)
    ldh_range: ReferenceRange = ReferenceRange(120.0, 250.0)
    clip: tuple[float, float] | None = None
    log1p: bool = False

    @field_validator("alp_range", "ldh_range", "clip")
    @classmethod
    def _rising(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError(f"bounds are {list(bounds)}; the first must be below the second")
        return bounds


def normalise(table: "pd.DataFrame", config: ClinicalConfig | None = None) -> "pd.DataFrame":
    """Add the columns that networks read.

    Args:
        table: columns sex (F, M or missing), age (years), alp, alp_low, alp_high, ldh, ldh_low,
            ldh_high (U/L); an absent column counts as missing throughout. One row a patient or one
            a sample.
        config: the policy.

    Returns:
        a copy with float64 columns gender, age_norm, alp_norm, ldh_norm (never missing) and boolean
        gender_missing, age_missing, alp_missing, ldh_missing, alp_fallback_range,
        ldh_fallback_range. A missing age is 0.5 (50 years) whatever the cohort, so that nothing is
        fitted here.

    Raises:
        ClinicalError: an age outside 0 to 120, a negative lab, half a range, or a reversed range.
            Rows count from 1.
    """
    config = config or ClinicalConfig()
    out = table.copy()
    sex = table["sex"].astype("string") if "sex" in table else _absent(table, "string")
    out["gender"] = sex.map(GENDER).astype("float64").fillna(0.0)
    out["gender_missing"] = ~sex.isin(list(GENDER)).fillna(False).astype(bool)
    age = _numbers(table, "age")
    _refuse((age < 0) | (age > MAX_AGE), "age", age, f"0 to {MAX_AGE} years")
    out["age_norm"] = (age / 100).fillna(MIDDLE)
    out["age_missing"] = age.isna()
    for lab in LABS:
        value, missing, fallback = _normalise_lab(table, lab, config)
        out[f"{lab}_norm"], out[f"{lab}_missing"] = value, missing
        out[f"{lab}_fallback_range"] = fallback
    return out


def feature_columns(inputs: tuple[str, ...], config: ClinicalConfig) -> tuple[str, ...]:
    """Columns of `normalise`'s table that a learner with these inputs reads, in order."""
    columns = tuple(FEATURES[name] for name in inputs)
    if config.missing != "indicator":
        return columns
    return columns + tuple(f"{name}_missing" for name in inputs if name in LABS)


def _normalise_lab(
    table: "pd.DataFrame", lab: str, config: ClinicalConfig
) -> tuple["pd.Series", "pd.Series", "pd.Series"]:
    import numpy as np

    value = _numbers(table, lab)
    low, high = _numbers(table, f"{lab}_low"), _numbers(table, f"{lab}_high")
    _refuse(value < 0, lab, value, "0 U/L or more")
    _refuse(low.isna() & high.notna(), f"{lab}_low", low, f"a bound, since {lab}_high is given")
    _refuse(high.isna() & low.notna(), f"{lab}_high", high, f"a bound, since {lab}_low is given")
    _refuse(high <= low, f"{lab}_high", high, f"a bound above {lab}_low")
    fallback = value.notna() & low.isna()
    usual: ReferenceRange = getattr(config, f"{lab}_range")
    low, high = low.fillna(usual.low), high.fillna(usual.high)
    # Imputed before clip and logarithm, so that it stays what a mid-normal value becomes.
    scaled = ((value - low) / (high - low)).fillna(MIDDLE)
    if config.clip is not None:
        scaled = scaled.clip(*config.clip)
    if config.log1p:
        scaled = np.sign(scaled) * np.log1p(np.abs(scaled))
    return scaled, value.isna(), fallback


def _numbers(table: "pd.DataFrame", column: str) -> "pd.Series":
    import pandas as pd

    if column not in table:
        return _absent(table, "float64")
    numbers = pd.to_numeric(table[column], errors="coerce").astype("float64")
    _refuse(numbers.isna() & table[column].notna(), column, table[column], "a number")
    return numbers.replace([float("inf"), float("-inf")], float("nan"))


def _absent(table: "pd.DataFrame", dtype: str) -> "pd.Series":
    import pandas as pd

    return pd.Series(
        [pd.NA if dtype == "string" else float("nan")] * len(table), table.index, dtype
    )


def _refuse(wrong: "pd.Series", column: str, values: "pd.Series", wanted: str) -> None:
    import numpy as np

    rows = np.flatnonzero(wrong.fillna(False).to_numpy(dtype=bool))
    if len(rows):
        found = values.iloc[rows[0]]
        more = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
        raise ClinicalError(f"row {rows[0] + 1}, {column}: found {found}; wanted {wanted}{more}")
