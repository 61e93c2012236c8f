"""A SEG reads back to the same pixels at the same places, and names nobody."""

from datetime import datetime

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from osteon.imaging.derived_uids import derived_uid, relink
from osteon.imaging.masks import open_mask
from osteon.imaging.picture import Frame, Header
from osteon.imaging.segmentation_writer import Segment, Series, segment_of, write_seg
from tests.slice_stacks import labels, oblique, stack

WHEN = datetime(2024, 5, 6, 7, 8, 9)
SEGMENTS = {1: segment_of("tumour"), 2: segment_of("vertebra")}
PATIENT = "P0123456789abcdef"


def series(count: int, **changes) -> Series:
    names = tuple(f"{PATIENT}-{number:03d}" for number in range(count))
    return Series(**{"patient": PATIENT, "name": "Sfedcba", "samples": names} | changes)


def written(folder, maps, planes, segments=SEGMENTS, name="a.dcm", **changes):
    whole = changes.pop("series", None) or series(len(maps))
    arguments = {"created": WHEN, "algorithm": "penn"} | changes
    uid = write_seg(folder / name, maps, planes, segments, whole, **arguments)
    return pydicom.dcmread(folder / name), uid


def read_back(dataset, planes, samples) -> np.ndarray:
    """Label maps from single frames, with pydicom alone: each by its image, at its place."""
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    found = np.zeros((len(planes), dataset.Rows, dataset.Columns), np.uint8)
    at = {derived_uid("instance", sample): row for row, sample in enumerate(samples)}
    groups = dataset.PerFrameFunctionalGroupsSequence
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for group, frame in zip(groups, frames, strict=True):
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        row = at[source.ReferencedSOPInstanceUID]
        (segment,) = (
            one.SegmentIdentificationSequence[0]
            for one in (group, shared)
            if "SegmentIdentificationSequence" in one
        )
        found[row][frame > 0] = segment.ReferencedSegmentNumber
        place = group.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(place, planes[row].position, atol=1e-6)
    turned = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    np.testing.assert_allclose(turned, planes[0].orientation, atol=1e-9)
    assert list(shared.PixelMeasuresSequence[0].PixelSpacing) == list(planes[0].spacing)
    return found


@given(st.permutations([0, 1, 2, 5]), st.integers(0, 20))
@settings(max_examples=12, deadline=None)
def test_slices_at_any_angle_in_any_order_with_gaps(tmp_path_factory, places, seed):
    folder = tmp_path_factory.mktemp("seg")
    planes, maps = stack(places, oblique(seed)), labels(4, seed)
    dataset, _ = written(folder, maps, planes)
    np.testing.assert_array_equal(read_back(dataset, planes, series(4).samples), maps)


def test_highdicom_reads_the_same(tmp_path):
    maps, whole = labels(3), series(3)
    maps[1] = 0
    written(tmp_path, maps, stack([2, 0, 1]))
    found = highdicom.seg.segread(tmp_path / "a.dcm").get_pixels_by_source_instance(
        [derived_uid("instance", sample) for sample in whole.samples],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(found, maps)


def test_it_can_be_given_back_as_the_masks_of_a_series(tmp_path):
    maps, planes, whole = labels(3), stack([2, 0, 1]), series(3)
    maps[1] = 0
    written(tmp_path, maps, planes)
    for wanted, plane, sample in zip(maps, planes, whole.samples, strict=True):
        header = Header("dicom", 12, 9, modality="MR", sop_uid=derived_uid("instance", sample))
        frame = Frame(np.zeros((12, 9)), position=plane.position, orientation=plane.orientation)
        np.testing.assert_array_equal(open_mask(tmp_path / "a.dcm", header)(frame), wanted)


@pytest.mark.parametrize("shown", [1, 2])
def test_a_segment_that_shows_nowhere_is_described(tmp_path, shown):
    maps = np.where(labels(2) == shown, shown, 0).astype(np.uint8)
    planes = stack([0, 1])
    dataset, _ = written(tmp_path, maps, planes)
    assert [item.SegmentLabel for item in dataset.SegmentSequence] == ["tumour", "vertebra"]
    np.testing.assert_array_equal(read_back(dataset, planes, series(2).samples), maps)


def test_maps_that_show_nothing_are_written(tmp_path):
    maps, planes = np.zeros((2, 12, 9), np.uint8), stack([0, 1])
    dataset, _ = written(tmp_path, maps, planes)
    assert len(dataset.SegmentSequence) == 2 and int(dataset.NumberOfFrames) > 0
    assert not read_back(dataset, planes, series(2).samples).any()


def test_one_slice_and_one_segment(tmp_path):
    maps, planes = (labels(1) == 1).astype(np.uint8), stack([0])
    dataset, _ = written(tmp_path, maps, planes, {1: segment_of("tumour")})
    np.testing.assert_array_equal(read_back(dataset, planes, series(1).samples), maps)


def test_segments_are_numbered_from_one_in_the_order_of_their_values(tmp_path):
    maps, planes = labels(2), stack([0, 1])
    sparse = np.array([0, 7, 200], np.uint8)[maps]
    segments = {200: segment_of("vertebra"), 7: segment_of("tumour")}
    dataset, _ = written(tmp_path, sparse, planes, segments)
    assert [item.SegmentLabel for item in dataset.SegmentSequence] == ["tumour", "vertebra"]
    np.testing.assert_array_equal(read_back(dataset, planes, series(2).samples), maps)


def test_reduced_maps_are_brought_to_the_file_s_size(tmp_path):
    small, planes = labels(2)[:, :6, :3], stack([0, 1])
    dataset, _ = written(tmp_path, small, planes)
    found = read_back(dataset, planes, series(2).samples)
    np.testing.assert_array_equal(found, small.repeat(2, axis=1).repeat(3, axis=2))


def test_it_is_a_binary_segmentation_of_an_algorithm_or_a_person(tmp_path):
    maps, planes = labels(2), stack([0, 1])
    dataset, uid = written(tmp_path, maps, planes, description="penn, tumour")
    assert dataset.SOPClassUID == pydicom.uid.SegmentationStorage
    assert dataset.SOPInstanceUID == uid == dataset.file_meta.MediaStorageSOPInstanceUID
    assert (dataset.Modality, dataset.SegmentationType) == ("SEG", "BINARY")
    assert (dataset.BitsAllocated, dataset.SegmentsOverlap) == (1, "NO")
    assert dataset.SeriesDescription == "penn, tumour" and dataset.ContentCreatorName == ""
    assert dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness == 3.3
    first = dataset.SegmentSequence[0]
    assert (first.SegmentAlgorithmType, first.SegmentAlgorithmName) == ("AUTOMATIC", "penn")
    drawn, _ = written(tmp_path, maps, planes, algorithm=None)
    assert drawn.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    assert drawn.SeriesInstanceUID != dataset.SeriesInstanceUID
    assert drawn.StudyInstanceUID == dataset.StudyInstanceUID


@pytest.mark.parametrize(
    ("name", "category", "kind"),
    [
        ("tumour", "49755003", "108369006"),
        ("lesion", "49755003", "52988006"),
        ("vertebra", "91723000", "51282000"),
        ("disc", "85756007", "85756007"),
    ],
)
def test_classes_are_coded_in_snomed_ct(tmp_path, name, category, kind):
    dataset, _ = written(
        tmp_path, (labels(1) == 1).astype(np.uint8), stack([0]), {1: segment_of(name)}
    )
    (item,) = dataset.SegmentSequence
    coded = (
        item.SegmentedPropertyCategoryCodeSequence[0],
        item.SegmentedPropertyTypeCodeSequence[0],
    )
    assert [code.CodeValue for code in coded] == [category, kind]
    assert {code.CodingSchemeDesignator for code in coded} == {"SCT"}
    assert item.SegmentLabel == name


def test_it_refers_to_derived_uids_and_they_lead_back(tmp_path):
    dataset, uid = written(tmp_path, labels(2), stack([0, 1]))
    samples = series(2).samples
    (referred,) = dataset.ReferencedSeriesSequence
    assert referred.SeriesInstanceUID == derived_uid("series", "Sfedcba")
    assert dataset.StudyInstanceUID == derived_uid("study", PATIENT)
    assert dataset.FrameOfReferenceUID == derived_uid("frame of reference", "Sfedcba")
    assert [item.ReferencedSOPInstanceUID for item in referred.ReferencedInstanceSequence] == [
        derived_uid("instance", sample) for sample in samples
    ]
    own = {derived_uid("instance", sample): f"1.2.{row}" for row, sample in enumerate(samples)}
    text = str(relink(dataset, own))
    assert not any(derived in text for derived in own) and "1.2.0" in text and "1.2.1" in text
    assert dataset.SOPInstanceUID == uid


def test_it_names_nobody_and_no_day_but_its_own(tmp_path):
    dataset, _ = written(tmp_path, labels(2), stack([0, 1]))
    assert dataset.PatientID == PATIENT and str(dataset.PatientName).strip("^") == PATIENT
    assert dataset.PatientIdentityRemoved == "YES"
    for element in dataset.iterall():
        if element.VR in ("DA", "TM", "DT") and element.value:
            assert str(element.value).startswith(("20240506", "070809"))
        if element.VR == "PN" and element.keyword != "PatientName":
            assert not element.value


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    maps, planes = labels(2), stack([0, 1])
    _, first = written(tmp_path, maps, planes)
    _, again = written(tmp_path, maps, planes, name="b.dcm")
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    others = [
        written(tmp_path, maps, planes, created=WHEN.replace(year=2025))[1],
        written(tmp_path, maps, planes, algorithm="unet")[1],
        written(tmp_path, maps[::-1], planes)[1],
        written(tmp_path, maps, planes, series=series(2, samples=("a", "b")))[1],
    ]
    assert first == again and len({first, *others}) == 5


def test_a_ct_is_referred_to_as_one(tmp_path):
    dataset, _ = written(tmp_path, labels(1), stack([0]), series=series(1, modality="CT"))
    (referred,) = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert referred.ReferencedSOPClassUID == pydicom.uid.CTImageStorage


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"maps": labels(2, most=3)}, r"masks: values \[3\] found, 0 and \[1, 2\]"),
        ({"maps": labels(3)}, "planes: 2 found for 3 masks"),
        ({"maps": labels(2).astype(np.int64)}, "masks: int64"),
        ({"planes": [*stack([0]), *stack([1], rows=13)]}, "slice 1 has 13 x 9 px"),
        ({"segments": {}}, "segments: values"),
        ({"segments": {0: SEGMENTS[1]}}, r"segments: values \[0\]"),
        ({"series": series(2, samples=("a", "a"))}, "series: 1 different samples"),
        ({"series": series(3)}, "series: 3 different samples found for 2 masks"),
        ({"series": series(2, modality="US")}, "series: modality 'US'"),
        ({"planes": [*stack([1]), *stack([1])]}, "slices .* and .* lie at the same place; one"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, changes, named):
    arguments = {"maps": labels(2), "planes": stack([0, 1])} | changes
    with pytest.raises(ValueError, match=named):
        written(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


def test_a_user_s_own_codes_are_taken(tmp_path):
    metastasis = codes.SCT.SecondaryMalignantNeoplasmOfBone
    own = {1: Segment("metastasis", SEGMENTS[1].category, metastasis)}
    dataset, _ = written(tmp_path, (labels(1) == 1).astype(np.uint8), stack([0]), own)
    coded = dataset.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    assert (coded.CodeValue, coded.CodeMeaning) == (metastasis.value, metastasis.meaning)
