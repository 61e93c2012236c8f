"""What only a person can say of a study, read from `conf/base/human_input/<paper>.yml`."""

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

MISSING = "MISSING: human input"


class HumanInputError(ValueError):
    """The file of human input holds an unknown key or something that is no text."""


def _text(value: Any) -> Any:
    """YAML's numbers, dates and lists as text, blank as nothing; its yes and no are refused."""
    if isinstance(value, bool):
        raise ValueError(
            "is true or false, which is how YAML reads an unquoted yes or no; allowed "
            "is text or null"
        )
    if isinstance(value, int | float | datetime.date):
        return str(value)
    if isinstance(value, list):
        return "; ".join(str(_text(one)) for one in value) or None
    if isinstance(value, str):
        return " ".join(value.split()) or None
    return value


Text = Annotated[str | None, BeforeValidator(_text)]


class HumanInput(BaseModel):
    """Text or null for each key; a null is printed as `MISSING: human input`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intended_use: Text = None
    intended_users: Text = None
    out_of_scope: Text = None
    clinical_background: Text = None
    health_inequalities: Text = None
    objectives: Text = None
    study_design: Text = None
    data_source: Text = None
    study_dates: Text = None
    setting: Text = None
    eligibility: Text = None
    treatments: Text = None
    deidentification: Text = None
    imaging_protocol: Text = None
    reference_standard: Text = None
    reference_standard_rationale: Text = None
    annotators: Text = None
    annotation_of_test_set: Text = None
    annotator_agreement: Text = None
    blinding: Text = None
    predictor_choice: Text = None
    predictor_assessors: Text = None
    sample_size: Text = None
    external_data: Text = None
    ethics_approval: Text = None
    consent: Text = None
    registration: Text = None
    protocol: Text = None
    funding: Text = None
    conflicts: Text = None
    data_access: Text = None
    code_access: Text = None
    public_involvement: Text = None
    interpretation: Text = None
    limitations: Text = None
    clinical_implications: Text = None
    input_quality: Text = None
    user_interaction: Text = None
    next_steps: Text = None
    contact: Text = None

    def missing(self) -> list[str]:
        """Keys that nobody has filled yet."""
        return [name for name in type(self).model_fields if getattr(self, name) is None]


def read_human_input(values: Mapping[str, Any] | None) -> HumanInput:
    """Check the content of the YAML file; None or an empty file is a file of nulls.

    Raises:
        HumanInputError: names the key, what is wrong with it and the allowed keys.
    """
    if values is not None and not isinstance(values, Mapping):
        raise HumanInputError(f"human input: found {type(values).__name__}; allowed is key: text")
    try:
        return HumanInput.model_validate(dict(values or {}))
    except ValidationError as error:
        allowed = ", ".join(HumanInput.model_fields)
        found = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: "
            + ("unknown key" if one["type"] == "extra_forbidden" else one["msg"])
            for one in error.errors()
        )
        raise HumanInputError(f"human input: {found}. Allowed keys: {allowed}") from None
