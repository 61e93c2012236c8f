"""Galleries show nothing that may hold a name; exported masks lie where their slices lie."""

import json
from types import SimpleNamespace

import highdicom
import nibabel
import numpy as np
import pandas as pd
import pytest
import torch

from osteon.imaging.derived_uids import derived_uid
from osteon.measures.outline_store import Outlines, Packed
from osteon.networks.penn import Penn
from osteon.pipelines.spinal_penn.explaining import (
    _filters,
    export_outlines,
    show_nothing,
    show_outlines,
)
from osteon.recipes.explainability import ExplainabilityConfig
from osteon.reporting.segmentation_gallery import GALLERIES
from tests.pipelines import penn_cohort as cohort

COUNT, ROWS, COLUMNS = 2 * cohort.PATIENTS, cohort.ROWS, cohort.COLUMNS
SAGITTAL = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]


class Shown(cohort.Labelled):
    """Label maps with pixels, and an index that says where the slices lie.

    Args:
        places: whether files say where they lie; burned_in: positions of slices with writing.
    """

    def __init__(self, places=True, burned_in=(), modality="MR"):
        super().__init__(cohort.label_maps())
        rng = np.random.default_rng(0)
        self.greys = rng.integers(0, 65536, (COUNT, ROWS, COLUMNS)).astype(np.uint16)
        where = [json.dumps([4.0 * (at % 2), 10.0, 100.0]) for at in range(COUNT)]
        self.index = self.index.assign(
            sample_id=[f"I{at:02d}" for at in range(COUNT)],
            file_id=[f"F{at:02d}" for at in range(COUNT)],
            # As in a folder of pictures, a file that names no series is one by itself.
            series_id=[f"S{at // 2}" if places else "" for at in range(COUNT)],
            slice=pd.array([2 - at % 2 for at in range(COUNT)], "Int64"),
            modality=modality,
            rows=ROWS,
            columns=COLUMNS,
            native_rows=ROWS,
            native_columns=COLUMNS,
            image_position=where if places else "",
            image_orientation=json.dumps(SAGITTAL) if places else "",
            burned_in_text=[at in burned_in for at in range(COUNT)],
        )

    def pixels(self, row):
        return self.greys[row]


def outlines(folder, shift=0):
    """The truth, moved by some px; on slices without a target a stripe."""
    folder.mkdir(parents=True)
    packed = Packed()
    for at, mask in enumerate(cohort.label_maps()):
        said = np.roll(mask == 1, shift + at // 2, axis=1)
        said[:2] |= not said.any()
        packed.add(f"I{at:02d}", said)
    packed.write(folder)
    (folder / "digest.txt").write_text(f"outlines {shift}")
    return Outlines(folder)


def counted(said):
    """The counts of each slice, as the evaluation keeps them."""
    rows = []
    for at, mask in enumerate(cohort.label_maps()):
        truth, own = mask == 1, said.get(f"I{at:02d}")
        rows.append((f"I{at:02d}", f"P{at // 2:02d}", (truth & own).sum(), (own & ~truth).sum(),
                     (truth & ~own).sum()))  # fmt: skip
    return pd.DataFrame(rows, columns=["sample_id", "patient_id", "tp", "fp", "fn"])


def shown(folder, archive, cases=2, **more):
    own, rival = outlines(folder / "own"), outlines(folder / "rival", 2)
    torch.manual_seed(0)
    model = SimpleNamespace(networks=[Penn(8, 4, layers=1, nodes=5), Penn(8, 4, layers=1, nodes=5)])
    found = show_outlines(
        cohort.samples(), archive, cohort.COHORT, ExplainabilityConfig(cases=cases), model,
        counted(own), own, rival, **more,
    )  # fmt: skip
    return found[0], found[1:], model


def _said(pages):
    return {page["name"]: [case["text"] for case in page["cases"]] for page in pages}


def test_every_gallery_has_its_page_and_its_sheet(tmp_path):
    pages, sheets, _ = shown(tmp_path, Shown())
    assert [page["name"] for page in pages] == [*GALLERIES, "filters", "saliency"]
    assert len(sheets) == len(GALLERIES) + 2
    assert pages[-1]["cases"] == []  # without gradients
    assert [len(page["cases"]) for page in pages[:-2]] == [2] * len(GALLERIES)
    assert "tumour" in pages[0]["caption"] and "PENN" in pages[0]["caption"]
    said = _said(pages)
    # Patient 0's outline lies on the truth, patient 7's seven px beside it.
    assert said["outlines_best"][0].startswith("Dice 1.00 with PENN")
    assert "U-Net" in said["outlines_best"][0]
    assert said["outlines_false"][0].startswith("outlined by mistake 64 pixels with PENN")
    whole = json.dumps(pages)
    assert not any(f'"{name}{at:02d}"' in whole for name in "IP" for at in range(COUNT))


@pytest.fixture
def no_sheets(monkeypatch):
    """Contact sheets take seconds to draw."""
    monkeypatch.setattr("osteon.reporting.figures.sheet.contact_sheet", lambda *given: given)


def test_a_slice_with_writing_in_it_is_never_shown(tmp_path, no_sheets):
    archive = Shown()
    read: list[int] = []
    pixels = archive.pixels
    archive.pixels = lambda row: read.append(row) or pixels(row)
    shown(tmp_path / "free", archive, cases=COUNT)
    assert set(read) == set(range(COUNT))  # each of these slices is in one gallery or more
    read.clear()
    flagged = {0, 3, 8}
    archive.index = Shown(burned_in=flagged).index
    pages, _, _ = shown(tmp_path / "flagged", archive, cases=COUNT)
    assert set(read) == set(range(COUNT)) - flagged
    assert [len(page["cases"]) for page in pages[:-2]] == [6, 6, 6, 7]


def test_where_every_slice_has_writing_galleries_are_empty_and_filters_stay(tmp_path, no_sheets):
    pages, sheets, _ = shown(tmp_path, Shown(burned_in=set(range(COUNT))))
    assert all(page["cases"] == [] for page in pages[:-2]) and pages[-2]["cases"]
    assert len(sheets) == len(GALLERIES) + 2


def test_filters_are_the_weights_of_the_first_fold_s_first_layer(tmp_path, no_sheets):
    _, _, model = shown(tmp_path, Shown())
    found, network = _filters(model), model.networks[0]
    assert found.shape == (5, 8, 8) and isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, network.filters().detach().numpy())
    assert not np.array_equal(found, _filters(SimpleNamespace(networks=model.networks[1:])))


def test_a_report_of_figures_shows_no_gallery():
    assert show_nothing({"task": "segmentation"}) == []


def exported(folder, archive, learner="penn", judged=None):
    said = outlines(folder / "own")
    table = cohort.judged(learner) if judged is None else judged
    samples = cohort.samples().assign(series_id=archive.index["series_id"])
    build = export_outlines(samples, archive, cohort.COHORT, said, table)
    place = folder / "masks"
    place.mkdir()
    build.write(place)
    return build.digest, place, said, json.loads((place / "contents.json").read_text())


def test_a_series_of_known_place_is_written_there(tmp_path):
    _, place, said, told = exported(tmp_path, Shown())
    names = [f"P{at:02d}/S{at}" for at in range(cohort.PATIENTS)]
    assert sorted(told["written"]) == names and told["left_out"] == {}
    assert told["geometry_assumed"] == []
    assert (told["learner"], told["target"]) == ("penn", "tumour")
    for at, name in enumerate(names):
        own = [f"I{2 * at + one:02d}" for one in (0, 1)]
        wanted = np.stack([said.get(sample) for sample in own])
        seg = highdicom.seg.segread(place / f"{name}.dcm")
        assert seg.PatientID == f"P{at:02d}" and "SeriesDescription" not in seg
        uids = [derived_uid("instance", sample) for sample in own]
        found = seg.get_pixels_by_source_instance(
            uids, combine_segments=True, assert_missing_frames_are_empty=True
        )
        np.testing.assert_array_equal(found > 0, wanted)
        volume = nibabel.load(place / f"{name}.nii.gz")
        pixels = np.asarray(volume.dataobj)
        assert pixels.shape == (COLUMNS, ROWS, 2)
        np.testing.assert_allclose(volume.header.get_zooms(), (0.8, 1.2, 4.0), rtol=1e-5)
        for one, mask in enumerate(wanted):  # left-posterior is right-anterior, negated
            point = np.linalg.inv(volume.affine) @ [-4.0 * one, -10.0, 100.0, 1]
            np.testing.assert_allclose(point[:2], 0, atol=1e-4)
            np.testing.assert_array_equal(pixels[..., round(point[2])].T > 0, mask)


def test_files_that_do_not_say_where_they_lie_are_written_and_that_is_said(tmp_path):
    _, place, said, told = exported(tmp_path, Shown(places=False))
    names = [f"P{at // 2:02d}/F{at:02d}" for at in range(COUNT)]
    assert sorted(told["written"]) == sorted(told["geometry_assumed"]) == names
    seg = highdicom.seg.segread(place / "P01" / "F03.dcm")
    assert seg.SeriesDescription == "geometry assumed"
    found = seg.get_pixels_by_source_instance(
        [derived_uid("instance", "I03")], combine_segments=True
    )
    np.testing.assert_array_equal(found[0] > 0, said.get("I03"))
    volume = nibabel.load(place / "P01" / "F03.nii.gz")
    np.testing.assert_array_equal(np.asarray(volume.dataobj)[..., 0].T > 0, said.get("I03"))


def test_a_series_that_cannot_be_written_is_left_out_whole_with_the_reason(tmp_path):
    archive = Shown()
    where, series = archive.index["image_position"].copy(), archive.index["series_id"].copy()
    for at, place in enumerate((0, 4, 8, 14)):  # one patient's series with an uneven step
        where[at], series[at] = json.dumps([place, 10.0, 100.0]), "S0"
    where[5] = where[4]  # two slices at one place
    modality = archive.index["modality"].where(series != "S3", "XX")
    archive.index = archive.index.assign(image_position=where, series_id=series, modality=modality)
    judged = cohort.judged("penn")
    _, place, _, told = exported(tmp_path, archive, judged=judged.replace("P01", "P00"))
    assert set(told["left_out"]) == {"P00/S0", "P02/S2", "P03/S3"}
    assert "even grid" in told["left_out"]["P00/S0"]  # a volume cannot hold it, a SEG could
    assert told["left_out"]["P02/S2"] == (
        "series P02/S2: slices I05 and I04 lie at the same place; one slice at each place allowed"
    )
    assert "modality 'XX'" in told["left_out"]["P03/S3"]
    assert len(told["written"]) == cohort.PATIENTS - 4
    files = {str(file.relative_to(place)) for file in place.rglob("*.*") if file.is_file()}
    wanted = {f"{name}{kind}" for name in told["written"] for kind in (".dcm", ".nii.gz")}
    assert files == wanted | {"contents.json"}


def test_the_same_outlines_give_the_same_files_and_only_judged_series_are_there(tmp_path):
    first, one, _, _ = exported(tmp_path / "a", Shown())
    judged = cohort.judged("penn").query("fold == 0")
    again, two, _, told = exported(tmp_path / "b", Shown(), judged=judged)
    assert first != again
    assert {name.split("/")[0] for name in told["written"]} == set(judged["patient_id"])
    for name in told["written"]:
        for kind in (".dcm", ".nii.gz"):
            files = ((place / name).with_suffix(kind) for place in (one, two))
            assert len({file.read_bytes() for file in files}) == 1


def test_the_folder_is_made_anew_when_outlines_geometry_or_learner_change(tmp_path):
    digests = [exported(tmp_path / "a", Shown())[0]]
    assert exported(tmp_path / "same", Shown())[0] == digests[0]
    digests.append(exported(tmp_path / "b", Shown(places=False))[0])
    digests.append(exported(tmp_path / "c", Shown(), learner="unet")[0])
    assert len(set(digests)) == 3


@pytest.mark.parametrize("name", ["penn unet", "penn_3x200 unet"])
def test_the_two_learners_are_called_as_asked(tmp_path, name, no_sheets):
    pages, _, _ = shown(tmp_path, Shown(), names=name)
    assert "U-Net" in _said(pages)["outlines_best"][0]
