import hashlib
import hmac
import stat

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from osteon.cohorts.pseudonym import load_or_create_key, pseudonym

KEY = bytes(range(32))


def test_it_is_hmac_sha_256_cut_to_64_bits():
    expected = hmac.new(KEY, b"007", hashlib.sha256).hexdigest()[:16]
    assert pseudonym(KEY, "007") == "P" + expected
    assert pseudonym(KEY, "007", "F") == "F" + expected


def test_rfc_4231_test_case_2():
    assert pseudonym(b"Jefe", "what do ya want for nothing?", "") == "5bdcc146bf60754e"


@given(st.lists(st.text(), unique=True, max_size=200))
def test_stable_and_injective_in_practice(texts):
    names = [pseudonym(KEY, text) for text in texts]
    assert names == [pseudonym(KEY, text) for text in texts]
    assert len(set(names)) == len(texts)


def test_another_key_gives_another_name():
    assert pseudonym(KEY, "007") != pseudonym(KEY[::-1], "007")


def test_names_that_are_not_utf_8_have_pseudonyms_too():
    assert pseudonym(KEY, "a\udcff") != pseudonym(KEY, "a\udcfe")


def test_an_empty_key_is_refused():
    with pytest.raises(ValueError, match="key"):
        pseudonym(b"", "007")


def test_the_key_is_made_once_private_and_kept(tmp_path):
    path = tmp_path / "local" / "credentials.yml"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key(path) == key
    assert [item.name for item in path.parent.iterdir()] == ["credentials.yml"]


@pytest.mark.parametrize(
    "before",
    ["# mine\ns3:\n  token: abc", "s3: {token: abc}\npseudonym_key:\n", "pseudonym_key: null\n"],
)
def test_other_entries_and_comments_stay(tmp_path, before):
    path = tmp_path / "credentials.yml"
    path.write_text(before)
    key = load_or_create_key(path)
    entries = yaml.safe_load(path.read_text())
    assert entries["pseudonym_key"] == key.hex()
    if "s3" in before:
        assert entries["s3"] == {"token": "abc"}
    if before.startswith("#"):
        assert path.read_text().startswith("# mine")


@pytest.mark.parametrize(
    "text",
    [
        "pseudonym_key: SECRETzz",
        "pseudonym_key: 'abcd'",
        "pseudonym_key: [SECRET]",
        "- SECRET",
        "a: [SECRET",
        "{other: SECRET}",
    ],
)
def test_a_malformed_file_is_an_error_that_prints_no_secret(tmp_path, text):
    path = tmp_path / "credentials.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"credentials\.yml") as error:
        load_or_create_key(path)
    assert "SECRET" not in str(error.value)
    assert "abcd" not in str(error.value)
    assert error.value.__context__ is None
    assert path.read_text() == text
