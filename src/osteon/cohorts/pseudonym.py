"""Keyed pseudonyms: HMAC-SHA-256 (FIPS 198-1, RFC 2104) instead of a patient's identifier.

A plain hash of a hospital number can be reversed by trying all numbers; a keyed one cannot without
the key. The key stays in the credentials file of the machine and is never printed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

import yaml

ENTRY = "pseudonym_key"
KEY_BYTES = 32


def pseudonym(key: bytes, text: str, prefix: str = "P") -> str:
    """Return `prefix` and the first 16 hex digits of HMAC-SHA-256(key, text).

    The same key and text give the same pseudonym on every machine. 64 bits keep the chance that any
    two of a million patients share one below 3e-8. Raises ValueError when the key is empty.
    """
    if not key:
        raise ValueError("key is empty: give the bytes that load_or_create_key returns")
    # surrogatepass: a file name on disk may hold bytes that are no UTF-8
    digest = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return prefix + digest.hexdigest()[:16]


def load_or_create_key(path: Path) -> bytes:
    """Read `pseudonym_key: <hex>` from a YAML credentials file, or generate it there once.

    Args:
        path: conf/local/credentials.yml or the like; other entries of the file are kept.

    Returns:
        At least 16 bytes; a new key has 32 (os.urandom) and a file of mode 0600, replaced in one
        step.

    Raises:
        ValueError: the file is no YAML mapping, or the key is not 32 or more hex digits; the
            message does not print it.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = _entries(path, text).get(ENTRY)
    if found is not None:
        return _parse(path, found)
    key = secrets.token_bytes(KEY_BYTES)
    line = f'{ENTRY}: "{key.hex()}"\n'
    # Comments and layout of the other entries survive because text is appended, not rewritten.
    kept = _without_null_entry(text)
    text = kept + ("" if not kept or kept.endswith("\n") else "\n") + line
    if _entries(path, text).get(ENTRY) != key.hex():
        raise ValueError(f"{path.name}: write its entries one a line, as `name: value`")
    _write_private(path.resolve(), text)
    return key


def _entries(path: Path, text: str) -> dict[str, Any]:
    problem = ""
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = f" (line {mark.line + 1})" if mark else ""
        entries = False
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        # `from None` everywhere here: YAML's own message quotes the line, which may hold a secret
        raise ValueError(f"{path.name}: not a YAML mapping of names to values{problem}") from None
    return entries


def _without_null_entry(text: str) -> str:
    """Drop a line `pseudonym_key:` with no value: a second one would be a duplicate key."""
    return "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(f"{ENTRY}:")
    )


def _parse(path: Path, found: Any) -> bytes:
    try:
        key = bytes.fromhex(found) if isinstance(found, str) else b""
    except ValueError:
        key = b""
    if len(key) < 16:
        raise ValueError(
            f"{path.name}: {ENTRY} must be a quoted string of {2 * KEY_BYTES} hex digits (32 at "
            "least); what is there is not (not printed). Restore it from a backup, or delete the "
            "entry to get a new key, which changes every pseudonym"
        ) from None
    return key


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp creates the file with mode 0600, so the key is never readable by others
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
