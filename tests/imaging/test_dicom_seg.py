"""DICOM segmentations: segments of a plane become one label map."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import DeflatedExplicitVRLittleEndian, MRImageStorage, generate_uid

from osteon.imaging.dicom_seg import read_seg
from osteon.imaging.refusals import Refused
from tests.dicom_makers import dataset
from tests.imaging.mask_makers import header, item, seg, slice_at

LEFT = np.array([[1, 1, 0], [1, 1, 0]], np.uint8)
RIGHT = np.array([[0, 0, 1], [0, 0, 1]], np.uint8)
HERE, THERE = (0.0, 0.0, 0.0), (3.0, 0.0, 0.0)


def test_segments_of_one_plane_are_put_together(tmp_path):
    frames = np.stack([LEFT, RIGHT, RIGHT])
    path = seg(tmp_path / "s.dcm", frames, [HERE, HERE, THERE], [2, 9, 1], ["2.1", "2.1", "2.2"])
    found = read_seg(path, 2**20)
    assert [plane.place.position for plane in found.planes] == [HERE, THERE]
    np.testing.assert_array_equal(found.planes[0].labels, [[2, 2, 9], [2, 2, 9]])
    np.testing.assert_array_equal(found.planes[1].labels, RIGHT)
    assert [plane.objects for plane in found.planes] == [{("2.1", 0)}, {("2.2", 0)}]
    assert found.covered == {"2.1", "2.2"} and found.step is None


def test_frames_without_a_place_are_told_apart_by_their_object(tmp_path):
    frames = np.stack([LEFT, RIGHT, RIGHT])
    path = seg(tmp_path / "s.dcm", frames, [None] * 3, [1, 2, 1], ["2.1", "2.1", "2.2"])
    labels = [plane.labels.tolist() for plane in read_seg(path, 2**20).planes]
    assert labels == [[[1, 1, 2], [1, 1, 2]], RIGHT.tolist()]


def test_a_label_map_object_holds_values(tmp_path):
    values = np.stack([LEFT * 3 + RIGHT * 7, LEFT * 5])
    path = seg(tmp_path / "s.dcm", values, [HERE, THERE], [0, 0], SegmentationType="LABELMAP")
    found = [plane.labels for plane in read_seg(path, 2**20).planes]
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(("value", "drawn"), [(99, False), (100, False), (101, True), (200, True)])
def test_a_fraction_counts_when_it_is_more_than_half(tmp_path, value, drawn):
    more = {"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": 200}
    path = seg(tmp_path / "s.dcm", LEFT[None] * value, [HERE], [1], **more)
    assert bool(read_seg(path, 2**20).planes[0].labels.any()) is drawn


@pytest.mark.parametrize(
    ("segments", "frames", "says"),
    [
        ((1, 2), (LEFT, LEFT), "segments overlap: 4 pixels have two labels"),
        ((1, 1), (LEFT, RIGHT), "several slices at one place"),
        ((0, 1), (LEFT, RIGHT), "not 1..255"),
        ((300, 1), (LEFT, RIGHT), "not 1..255"),
    ],
)
def test_what_cannot_be_one_label_map_is_refused(tmp_path, segments, frames, says):
    path = seg(tmp_path / "s.dcm", np.stack(frames), [HERE, HERE], segments)
    with pytest.raises(Refused, match=f"mask_unreadable: .*{says}"):
        read_seg(path, 2**20)


def test_other_objects_and_sizes_are_refused(tmp_path):
    dataset(LEFT).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    with pytest.raises(Refused, match="no segmentation"):
        read_seg(tmp_path / "x.dcm", 2**20)
    path = seg(tmp_path / "s.dcm", LEFT[None], [HERE], [1])
    with pytest.raises(Refused, match="too_large"):
        read_seg(path, 5)


def test_a_small_deflated_object_cannot_fill_the_memory(tmp_path):
    made = dataset(LEFT, Modality="SEG", SegmentationType="BINARY")
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    made.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert len(read_seg(tmp_path / "x.dcm", 2**10).planes) == 1
    made.add_new(0x00091001, "OB", bytes(2**24 + 2**20))
    made.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert (tmp_path / "x.dcm").stat().st_size < 2**17
    with pytest.raises(Refused, match="too_large: the deflated data set"):
        read_seg(tmp_path / "x.dcm", 2**10)


def test_source_frames_of_an_enhanced_object(tmp_path):
    made = dataset(np.stack([LEFT]), Modality="SEG", SegmentationType="BINARY")
    source = item(ReferencedSOPInstanceUID="2.5", ReferencedFrameNumber=[2, 3])
    group = item(SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)])
    group.DerivationImageSequence = [item(SourceImageSequence=[source])]
    made.PerFrameFunctionalGroupsSequence = [group]
    made.save_as(tmp_path / "s.dcm", enforce_file_format=True)
    assert read_seg(tmp_path / "s.dcm", 2**20).planes[0].objects == {("2.5", 2), ("2.5", 3)}


def oblique_series(count: int) -> tuple[list[Dataset], np.ndarray]:
    """Slices 3 mm apart along a normal that is no axis, and their labels 0, 1, 2."""
    turn = np.deg2rad(20)
    along, down = np.array([-np.sin(turn), np.cos(turn), 0]), np.array([0, 0, -1.0])
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (count, 7, 5)).astype(np.uint8)
    space, study, series = generate_uid(), generate_uid(), generate_uid()
    sources = []
    for number in range(count):
        place = np.array([1.5, -20.25, 30.0]) + 3.0 * number * np.cross(along, down)
        made = dataset(
            labels[number].astype(np.uint16),
            SOPClassUID=MRImageStorage,
            Modality="MR",
            FrameOfReferenceUID=space,
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            ImagePositionPatient=[round(float(value), 6) for value in place],
            ImageOrientationPatient=[round(float(value), 9) for value in (*along, *down)],
            PixelSpacing=[0.7, 0.7],
            SliceThickness=3.0,
        )
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
            setattr(made, keyword, "")
        for keyword in ("StudyID", "AccessionNumber", "StudyDate", "StudyTime"):
            setattr(made, keyword, "")
        made.ReferringPhysicianName, made.InstanceNumber = "", number + 1
        made.SeriesNumber = 1
        made.file_meta.MediaStorageSOPClassUID = MRImageStorage
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        sources.append(made)
    return sources, labels


def description(number: int):
    """Segment 1 or 2 of a binary segmentation, drawn by a person."""
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription

    return SegmentDescription(
        segment_number=number,
        segment_label=f"segment {number}",
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Tissue,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
    )


def test_what_highdicom_writes_is_read_back_at_its_places(tmp_path):
    """Empty frames are not stored by highdicom; slices are given in no order and lie obliquely."""
    from highdicom.seg import Segmentation, SegmentationTypeValues

    sources, labels = oblique_series(5)
    labels[3] = 0
    order = [4, 0, 3, 1, 2]
    made = Segmentation(
        source_images=[sources[k] for k in order],
        pixel_array=labels[order],
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[description(number) for number in (1, 2)],
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="osteon",
        manufacturer_model_name="osteon",
        software_versions="0",
        device_serial_number="0",
    )
    made.save_as(tmp_path / "s.dcm")
    found = read_seg(tmp_path / "s.dcm", 2**20)
    for source, expected in zip(sources, labels, strict=True):
        orientation = tuple(float(value) for value in source.ImageOrientationPatient)
        for uid in (source.SOPInstanceUID, "2.999"):  # by object, and by place alone
            of = header(7, 5, uid, frame_of_reference=source.FrameOfReferenceUID)
            at = slice_at(source.ImagePositionPatient, orientation=orientation)
            np.testing.assert_array_equal(found.of(of, at), expected)
