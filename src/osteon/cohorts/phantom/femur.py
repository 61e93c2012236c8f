"""A phantom femur cohort: the configuration, and the folder that a hospital would export.

The cohort follows Chen et al., "An enhanced AlexNet-based model for femoral bone tumor
classification and diagnosis using MRI" (spec `femoral_alexnet`, section 1): one MR image a patient,
335 benign and 165 malignant tumours of the femur, 0.7 to 3.9 cm, ages 59 to 87.

This module imports cheaply; NumPy, SciPy and pydicom are loaded when a phantom is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CLASSES = ("benign", "intermediate", "malignant")


class FemurPhantomConfig(BaseModel):
    """What a phantom femur cohort holds, and how hard it is.

    Patient i depends on (seed, i) and on the knobs below, never on `patients`: a larger cohort
    begins with the smaller one. Size, place, view and sequence do not depend on the class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["femur"] = "femur"
    patients: int = Field(200, ge=2, le=20_000, description="patients in the cohort")
    classes: Literal[2, 3] = Field(
        2, description="2: benign and malignant, as the paper counts; 3: intermediate as well"
    )
    malignant_fraction: float = Field(
        165 / 500, gt=0, lt=1, description="share of malignant tumours; the paper's 165/500"
    )
    intermediate_fraction: float = Field(
        0.17,
        gt=0,
        lt=1,
        description="share of intermediate tumours where classes is 3; ours, the paper counts none",
    )
    slices: int = Field(
        1, ge=1, le=9, description="images a patient: the slice with most lesion, and neighbours"
    )
    image_size: int = Field(160, ge=96, le=1024, description="side of an image, px")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="same seed, same bytes")

    lesion_visibility: float = Field(
        1.0,
        ge=0,
        le=2,
        description="median contrast of a lesion and of its class's signs: 0 none, 1 plain",
    )
    overlap: float = Field(
        0.2,
        ge=0,
        le=1,
        description="share of patients who take some signs from another class",
    )
    ages: Literal["paper", "clinic"] = Field(
        "paper", description="paper: 59 to 87 years; clinic: as such tumours come, from 6 to 89"
    )
    age_effect: float = Field(
        0.0,
        ge=0,
        le=1,
        description="0: all classes share one curve of ages, as printed; 1: each has its own",
    )
    noise: float = Field(
        1.0, ge=0, le=5, description="thermal noise, relative to each scanner's own"
    )
    expert_masks_share: float = Field(
        0.3, ge=0, le=1, description="share of patients whose lesion an expert has outlined"
    )
    expert_boxes_share: float = Field(
        0.5, ge=0, le=1, description="share of the outlined patients who have LabelMe boxes too"
    )

    @model_validator(mode="after")
    def _consistent(self) -> FemurPhantomConfig:
        if self.classes == 3 and self.malignant_fraction + self.intermediate_fraction >= 1:
            raise ValueError(
                f"malignant_fraction is {self.malignant_fraction}, intermediate_fraction "
                f"{self.intermediate_fraction}: together they must leave a share for benign"
            )
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """The labels that patients.csv holds, mildest first."""
        return CLASSES if self.classes == 3 else (CLASSES[0], CLASSES[2])

    def write(self, folder: Path, workers: int = 1) -> None:
        """Write the cohort; see `write_femur_phantom`."""
        write_femur_phantom(folder, self, workers)


def write_femur_phantom(folder: Path, config: FemurPhantomConfig, workers: int = 1) -> None:
    """Write the cohort into `folder`, an existing empty folder, as a hospital would export it.

    patients.csv, images.csv, dicom/<study>/<series>/... (MR, uint16, with and without extension),
    and for the outlined patients masks/*.png (label maps 0/1), for some of them a LabelMe JSON
    beside the image. The bytes depend on `config` alone, not on `workers` (processes; 0 = all
    cores) or the clock.

    Raises FileNotFoundError where `folder` does not exist, FileExistsError where it is not empty,
    ValueError where `workers` is negative.
    """
    from osteon.cohorts.phantom.common import check_call
    from osteon.cohorts.phantom.femur_export import write_cohort

    check_call(folder, workers)
    write_cohort(folder, config, workers)
