import subprocess
import sys

import pytest

from osteon.cohorts.config import CohortConfig


def test_the_default_is_the_phantom():
    config = CohortConfig()
    assert config.source == "phantom"
    assert config.classes[-1] == "osteosarcoma"
    assert config.tables.images == "images.csv"


def test_numbers_in_yaml_mappings_are_read_as_text():
    config = CohortConfig.model_validate(
        {"values": {"age": {0: None}}, "labels": {1: "osteosarcoma"}}
    )
    assert config.values["age"] == {"0": None}
    assert config.labels == {"1": "osteosarcoma"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"columns": {"lable": "x"}}, "did you mean 'label'"),
        ({"values": {"gender": {"f": "F"}}}, "our columns are"),
        ({"values": {"label": {"f": "F"}}}, "under `labels`"),
        ({"labels": {"OS": "osteosarcma"}}, "did you mean 'osteosarcoma'"),
        ({"labels": {True: "osteosarcoma"}}, "quotes"),
        ({"sequences": {"t2 sag": "T2"}}, "did you mean 'T2WI'"),
        ({"sequences": {"t2 sag": "CT"}}, "'T1WI', 'T2WI', 'FS-T2WI', 'Gd-T1WI'; null leaves"),
        ({"sequences": {" ": "T2WI"}}, "empty key"),
        ({"sequences": {True: "T2WI"}}, "quotes"),
        ({"source": "folder"}, "path is None"),
        ({"classes": ["a", "a"]}, "different"),
        ({"classes": ["a"]}, "at least 2"),
        ({"modalities": ["PET"]}, "'XR', 'CT' or 'MR'"),
        ({"extra_colums": "ignore"}, "extra_colums"),
        ({"max_pixels": 0}, "greater than 0"),
    ],
)
def test_a_wrong_key_or_value_is_named(given, says):
    with pytest.raises(ValueError, match=says):
        CohortConfig.model_validate(given)


MASKED = {
    "labelled_by": "masks",
    "classes": ["other", "tumour"],
    "mask_classes": ["other", "tumour", "vertebra"],
}


def test_values_of_masks_are_mapped_with_yaml_numbers():
    config = CohortConfig.model_validate(MASKED | {"mask_values": {255: "tumour", "3-5": None}})
    assert config.mask_table[:7] == (0, 1, 2, 0, 0, 0, -1)
    assert config.mask_table[255] == 1
    assert CohortConfig().mask_table == () and CohortConfig().labelled_by == "patients"


def test_vertebral_bodies_bring_their_own_values():
    bodies = {"labelled_by": "masks", "source": "vertebral_bodies", "path": "x"}
    names = {"classes": ["other", "vertebra"], "mask_classes": ["other", "vertebra"]}
    assert CohortConfig.model_validate(bodies | names).mask_table[:11] == (0, *[1] * 9, -1)
    some = CohortConfig.model_validate(bodies | names | {"mask_values": {"5-9": None}})
    assert some.mask_table[:6] == (0, 1, -1, -1, -1, 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mask_classes": ["other", "tumor"]}, "'tumour', which labelled_by .*mean 'tumor'"),
        ({"mask_classes": ["tumour", "other"]}, "one of mask_classes after the background"),
        ({"mask_classes": []}, "one of mask_classes"),
        ({"classes": ["other", "vertebra", "tumour"]}, "give two names"),
        ({"mask_values": {1: None}}, "no stored value for 'tumour'"),
        ({"mask_values": {"1-x": "tumour"}}, "the key '1-x'"),
        ({"source": "btxrd", "path": "x"}, "source 'btxrd' allows 'patients'"),
        (
            {"source": "vertebral_bodies", "path": "x", "labelled_by": "patients"},
            "source 'vertebral_bodies' allows 'masks'",
        ),
        ({"labelled_by": "readers"}, "'patients' or 'masks'"),
    ],
)
def test_masks_that_cannot_give_the_classes(change, says):
    with pytest.raises(ValueError, match=says):
        CohortConfig.model_validate(MASKED | change)


def test_workers_default_to_the_cores_granted():
    assert CohortConfig(workers=3).effective_workers == 3
    assert CohortConfig().effective_workers >= 1


def test_the_configuration_imports_without_heavy_libraries():
    code = (
        "import sys, osteon.cohorts.config;"
        "print([m for m in ('torch','scipy','sklearn','pandas','pandera') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
