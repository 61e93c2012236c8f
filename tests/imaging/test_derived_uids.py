"""UIDs that stand for pseudonyms: valid, stable, apart; and the way back."""

from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from osteon.imaging.derived_uids import derived_uid, relink


@given(st.text(max_size=40), st.text(max_size=40))
def test_they_are_valid_and_stable(kind, name):
    uid = derived_uid(kind, name)
    assert uid.is_valid and len(uid) <= 64 and uid.startswith("2.25.")
    assert uid == derived_uid(kind, name)


def test_a_released_file_s_uid_never_changes():
    assert derived_uid("instance", "P0-000") == "2.25.241736363123637223384066605094501561865"


def test_kinds_and_names_are_apart():
    kinds = ("study", "series", "frame of reference", "instance")
    found = {derived_uid(kind, name) for kind in kinds for name in ("P0", "P1", "P0-000")}
    assert len(found) == 12


def test_a_hospital_s_uids_take_their_place_at_every_depth():
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = derived_uid("instance", "a")
    inner.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    whole = Dataset()
    whole.SeriesInstanceUID = derived_uid("series", "S")
    whole.PatientID = derived_uid("series", "S")  # text, not a UID
    whole.SourceImageSequence = [inner]
    uids = {derived_uid("instance", "a"): "1.2.3", derived_uid("series", "S"): "1.2.4"}
    found = relink(whole, uids)
    assert found is whole and found.SeriesInstanceUID == "1.2.4"
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"
    assert inner.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert found.PatientID == derived_uid("series", "S")
