"""What a cohort is and how its tables read: one typed model for every source.

The file imports without torch, SciPy or scikit-learn, so a pipeline may use it as a type hint.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from osteon.cohorts.errors import listed, suggestion
from osteon.cohorts.mask_values import mask_table
from osteon.cohorts.phantom.femur import FemurPhantomConfig
from osteon.cohorts.phantom.knee import KneePhantomConfig
from osteon.cohorts.phantom.spine import SpinePhantomConfig
from osteon.cohorts.phantom.spine_gd import SpineGdPhantomConfig
from osteon.cohorts.phantom.spine_mr import SpineMrPhantomConfig

PATIENT_COLUMNS = (
    "patient_id",
    "label",
    "age",
    "sex",
    "site",
    "location",
    "subtype",
    "centre",
    "split",
    "alp",
    "alp_low",
    "alp_high",
    "ldh",
    "ldh_low",
    "ldh_high",
)
IMAGE_COLUMNS = ("file", "patient_id", "sequence", "view", "slice", "mask", "boxes")
READER_COLUMNS = (
    *("reader", "role", "experience_years"),
    *("patient_id", "call", "with_age", "seconds"),
)
COLUMNS = PATIENT_COLUMNS + IMAGE_COLUMNS[:1] + IMAGE_COLUMNS[2:]

# What a user may write as `sequence`, and the modality it stands for.
SEQUENCES = {
    "XR": "XR",
    "CT": "CT",
    "MR": "MR",
    "T1WI": "MR",
    "T2WI": "MR",
    "FS-T2WI": "MR",
    "Gd-T1WI": "MR",
}

MR_SEQUENCES = tuple(name for name, modality in SEQUENCES.items() if modality == "MR" != name)

# DICOM Modality (0008,0060), defined terms of PS3.3 C.7.3.1.1.1. DR is no defined term but some
# detectors write it. XA is left out: angiography is no projection radiograph of bone.
DICOM_MODALITIES: dict[str, frozenset[str]] = {
    "XR": frozenset({"CR", "DX", "RG", "RF", "DR"}),
    "CT": frozenset({"CT"}),
    "MR": frozenset({"MR"}),
}

Modality = Literal["XR", "CT", "MR"]

# Source `vertebral_bodies`: each body has a number of its own in the published label maps.
BODIES: dict[str, str | None] = {"1-9": "vertebra"}


def _text_keys(value: Any) -> Any:
    """Read YAML's numbers as the text they stand for in a table; refuse its yes and no."""
    if not isinstance(value, dict):
        return value
    if any(isinstance(word, bool) for pair in value.items() for word in pair):
        raise ValueError(
            "holds true or false, which is how YAML reads an unquoted yes, no, on, off, true or "
            'false: put quotes around it, as in "yes": osteosarcoma'
        )
    return {_text(key): _text(word) for key, word in value.items()}


def _text(word: Any) -> Any:
    return str(word) if isinstance(word, int | float) else word


Mapping = Annotated[dict[str, str | None], BeforeValidator(_text_keys)]


def _phantom_kind(value: Any) -> Any:
    """Which phantom a block describes: a knee where it does not say."""
    return value.get("kind", "knee") if isinstance(value, dict) else getattr(value, "kind", None)


Phantom = Annotated[
    Annotated[KneePhantomConfig, Tag("knee")]
    | Annotated[SpinePhantomConfig, Tag("spine")]
    | Annotated[FemurPhantomConfig, Tag("femur")]
    | Annotated[SpineMrPhantomConfig, Tag("spine_mr")]
    | Annotated[SpineGdPhantomConfig, Tag("spine_gd")],
    Discriminator(_phantom_kind),
]


class TablesConfig(BaseModel):
    """Names of the tables inside the cohort folder; CSV or XLSX. The first two may be one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: str = Field(default="patients.csv", min_length=1, description="one row a patient")
    images: str | None = Field(
        default="images.csv",
        min_length=1,
        description="one row a file; null: none. images.csv itself may be absent",
    )
    readers: str | None = Field(
        default="readers.csv",
        min_length=1,
        description="one row a reader's call of a patient; null: none. readers.csv may be absent",
    )


class CohortConfig(BaseModel):
    """Where samples come from, and how a user's names map to ours. See docs/cohort.md.

    Raises pydantic's ValidationError (a ValueError) naming the key, what was found and what is
    allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["phantom", "folder", "btxrd", "vertebral_bodies"] = Field(
        "phantom", description="kind of cohort"
    )
    # repr=False: parameters are logged as text, and a folder's name can name a patient or hospital.
    path: str | None = Field(
        None, repr=False, description="the user's folder; required unless phantom"
    )
    tables: TablesConfig = Field(default_factory=TablesConfig)
    columns: dict[str, str] = Field(default={}, description="our column -> the user's column")
    extra_columns: Literal["error", "ignore"] = Field(
        "error", description="columns that nobody asked for: an error, or left unread"
    )
    labels: Mapping = Field(default={}, description="user's label -> class; null leaves out")
    values: dict[str, Mapping] = Field(
        default={}, description="our column -> {user's value -> ours; null: unknown}"
    )
    sequences: Mapping = Field(
        default={},
        description="part of a Series Description or Protocol Name (* and ? for the whole of it) "
        "-> MR sequence; null leaves such series out. The longest that fits wins",
    )
    missing_range: Literal["refuse", "fallback"] = Field(
        "refuse", description="a lab without its kit's range: an error, or a general adult range"
    )
    classes: tuple[str, ...] = Field(
        ("non_tumour", "osteosarcoma"), min_length=2, description="the last is the positive class"
    )
    labelled_by: Literal["patients", "masks"] = Field(
        "patients",
        description="where the classes stand: in the patients table, or in the images' masks",
    )
    mask_classes: tuple[str, ...] = Field(
        (),
        description="names of the values of a label map, index = value in the archive, the first "
        "is background; empty: values stay as they are",
    )
    mask_values: Mapping = Field(
        default={},
        description='stored value, or a range as "1-9" -> one of mask_classes; null: background',
    )
    modalities: tuple[Modality, ...] = Field(
        ("XR",),
        min_length=1,
        description="what is kept; the first is that of a PNG or JPEG whose table says nothing",
    )
    max_pixels: int = Field(
        2**28, gt=0, description="rows x columns x frames of one file, checked before decoding"
    )
    max_side: int | None = Field(
        1024, ge=16, description="longer side that the archive keeps, px; null: native"
    )
    burned_in_text: Literal["warn", "quarantine", "ignore"] = Field(
        "warn", description="what an image with suspected writing in its pixels gets"
    )
    workers: int = Field(0, ge=0, description="processes that read; 0: all cores")
    phantom: Phantom = Field(default_factory=lambda: KneePhantomConfig.model_validate({}))

    @property
    def effective_workers(self) -> int:
        """Processes that read: `workers`, or as many as this process may use cores."""
        if self.workers:
            return self.workers
        if hasattr(os, "sched_getaffinity"):  # a container or a scheduler may grant fewer cores
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @property
    def mask_table(self) -> tuple[int, ...]:
        """256 indices into `mask_classes` by stored value, see `mask_values.mask_table`; or ()."""
        own = BODIES if self.source == "vertebral_bodies" else {}
        return mask_table(self.mask_classes, self.mask_values or own)

    @model_validator(mode="after")
    def _consistent(self) -> CohortConfig:
        if self.source != "phantom" and not self.path:
            raise ValueError(
                f"path is {self.path!r}, source '{self.source}': give the folder that holds the "
                "cohort (or source: phantom)"
            )
        if len(set(self.classes)) != len(self.classes) or not all(self.classes):
            raise ValueError(f"classes is {listed(self.classes)}: give different, non-empty names")
        known = tuple(dict.fromkeys((*COLUMNS, *READER_COLUMNS)))
        _check_keys("columns", self.columns, known)
        _check_keys("values", self.values, [name for name in known if name != "label"])
        _check_sequences(self.sequences)
        for value, name in self.labels.items():
            if name is not None and name not in self.classes:
                raise ValueError(
                    f"labels maps '{value}' to '{name}', which is not one of the classes "
                    f"{listed(self.classes)}{suggestion(name, self.classes)}; null leaves out"
                )
        _check_labelled_by(self)
        return self


def _check_labelled_by(config: CohortConfig) -> None:
    """Whether the values of the masks can give the classes that are asked for."""
    table = config.mask_table  # built once here, so that a wrong key stops the run
    wanted = {"btxrd": "patients", "vertebral_bodies": "masks"}.get(config.source)
    if wanted not in (None, config.labelled_by):
        raise ValueError(
            f"labelled_by is '{config.labelled_by}'; source '{config.source}' allows '{wanted}'"
        )
    if config.labelled_by == "patients":
        return
    if len(config.classes) != 2:
        raise ValueError(
            f"classes is {listed(config.classes)}; labelled_by 'masks' tells images with the last "
            "class from images without it: give two names"
        )
    if config.classes[-1] not in config.mask_classes[1:]:
        raise ValueError(
            f"classes ends in '{config.classes[-1]}', which labelled_by 'masks' looks for; it must "
            f"be one of mask_classes after the background: {listed(config.mask_classes[1:])}"
            f"{suggestion(config.classes[-1], config.mask_classes[1:])}"
        )
    target = config.mask_classes.index(config.classes[-1])
    if target not in table:
        raise ValueError(
            f"mask_values leaves no stored value for '{config.classes[-1]}', the last of classes"
        )


def _check_sequences(sequences: dict[str, str | None]) -> None:
    for words, name in sequences.items():
        if not words.strip():
            raise ValueError("sequences has an empty key, which would fit every series")
        if name is not None and name not in MR_SEQUENCES:
            raise ValueError(
                f"sequences maps '{words}' to '{name}'{suggestion(name, MR_SEQUENCES)}; allowed: "
                f"{listed(MR_SEQUENCES)}; null leaves such series out"
            )


def _check_keys(name: str, mapping: dict[str, Any], allowed: Any) -> None:
    for key in mapping:
        if key not in allowed:
            hint = suggestion(key, allowed)
            extra = "; map labels under `labels`" if (name, key) == ("values", "label") else ""
            raise ValueError(
                f"{name} names '{key}'{hint}{extra}; our columns are {listed(allowed)}"
            )
