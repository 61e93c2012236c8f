"""What a run was: the exact command, versions, hashes, devices, times. Never a name or a path."""

import os
import platform
import re
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any

import osteon

HIDDEN = "<path>"
NO_CHECKOUT = "not a git checkout"
# Options whose value is `name=value,name=value`; of all others the value is one piece.
KEYED = ("--params", "--runner-params")
# Options whose value is a place on this machine, however it is written.
PLACES = ("--conf-source", "--config", "-c")
NAME = re.compile(r"[A-Za-z0-9._-]+")
# Folders and files can name people: a separator or a home folder, anywhere on the command line.
PLACE = re.compile(r"[/\\]|^~")
# Parameters can also name a file without a folder; names of nodes may end like one.
FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,5}$")


def run_facts(
    argv: Sequence[str], records: Mapping[str, Mapping[str, Any]], start: float | None = None
) -> dict[str, Any]:
    """All that a reader needs to repeat a run, free of host, user and paths.

    Args:
        argv: `sys.argv` of the process.
        records: learner → training record (`metrics["training"]`).
        start: when the process began, seconds since 1970; None: as Linux tells, else unknown.

    Returns:
        command, osteon, commit, dirty, python, platform, processor, cores, memory_gib, packages,
        devices, hashes, learners, wall_seconds. JSON values; what is not known is None.
    """
    trained = {name: one for name, one in records.items() if one.get("folds")}
    return {
        "command": command(argv),
        "osteon": osteon.__version__,
        **code_version(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "memory_gib": _memory(),
        "packages": packages(),
        "devices": sorted({str(f["device"]) for one in trained.values() for f in one["folds"]}),
        "hashes": {
            **{what: _hashes(trained, f"{what}_hash") for what in ("data", "split")},
            "training_code": _hashes(trained, "code_digest"),
        },
        "learners": {name: _learner(record) for name, record in records.items()},
        "wall_seconds": _wall_seconds(start),
    }


def command(argv: Sequence[str]) -> str:
    """The command line as a shell takes it, every place on this machine replaced by `<path>`."""
    words, option = _program(argv[0]) if argv else [], ""
    for word in argv[1:]:
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            # A short option may carry its value: -c<file>.
            if name.startswith("-c") and not name.startswith("--") and len(name) > 2:
                name, equals, value = "-c", "=", name[2:]
            option = "" if equals else name
            words.append(f"{_word(name)}={_value(name, value)}" if equals else _word(name))
        else:
            words.append(_value(option, word))
            option = ""
    return shlex.join(words)


def _program(path: str) -> list[str]:
    """`kedro`, or `python -m osteon` for a package's `__main__`."""
    pure = PurePath(path.replace("\\", "/"))
    if pure.name == "__main__.py":
        return ["python", "-m", pure.parent.name]
    return [pure.name]


def _value(option: str, value: str) -> str:
    if option in PLACES:
        return HIDDEN
    if option in KEYED:
        return ",".join(_pair(pair) for pair in value.split(","))
    return _word(value)


def _pair(pair: str) -> str:
    """`key=value` of a keyed option; a piece without a key belongs to a value before it."""
    key, equals, value = pair.partition("=")
    if not equals:
        return HIDDEN
    named = key.strip().rsplit(".", 1)[-1] == "path" or "path" in value
    hidden = named or FILE.search(value) or PLACE.search(value)
    return f"{_word(key)}={HIDDEN if hidden else value}"


def _word(word: str) -> str:
    return HIDDEN if PLACE.search(word) else word


def code_version(file: Path | None = None) -> dict[str, Any]:
    """Commit of the checkout that `file` belongs to, and whether anything there was changed.

    Args:
        file: a file of the code; by default osteon's own.

    Returns:
        `commit` (a hash, or that this is no checkout) and `dirty` (True, False, or None).
    """
    file = file or Path(osteon.__file__)
    # A package installed inside another project's checkout is not tracked there.
    if _git(file, "ls-files", "--error-unmatch", file.name) is None:
        return {"commit": NO_CHECKOUT, "dirty": None}
    commit, changes = _git(file, "rev-parse", "HEAD"), _git(file, "status", "--porcelain")
    return {"commit": commit or NO_CHECKOUT, "dirty": None if changes is None else bool(changes)}


def _git(file: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=file.parent, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def packages(name: str = "osteon") -> dict[str, str]:
    """Installed versions of a package's direct dependencies; empty if it is not installed."""
    try:
        wanted = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return {}
    names = [NAME.match(one) for one in wanted if "extra ==" not in one]
    found = {}
    for match in names:
        if match is None:
            continue
        try:
            found[match.group()] = metadata.version(match.group())
        except metadata.PackageNotFoundError:
            found[match.group()] = "not installed"
    return dict(sorted(found.items()))


def _hashes(trained: Mapping[str, Mapping[str, Any]], key: str) -> str | None:
    """The hash that all learners share, or all of them: some may leave patients out."""
    return ", ".join(sorted({str(one[key]) for one in trained.values() if key in one})) or None


def _learner(record: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds (sum over folds), device, threads, origin of the weights and recipe."""
    folds = record.get("folds") or []
    if not folds:
        reason = record.get("reason")
        return {"seconds": None, "device": None, "threads": None, "weights": None} | {
            "skipped": reason,
            "recipe": record.get("recipe"),
        }
    return {
        "seconds": float(sum(fold["seconds"] for fold in folds)),
        "device": _all(folds, "device"),
        "threads": _all(folds, "threads"),
        "weights": _all(folds, "weights"),
        "recipe": record.get("recipe"),
    }


def _all(folds: Sequence[Mapping[str, Any]], key: str) -> str:
    return ", ".join(sorted({str(fold.get(key)) for fold in folds}))


def _processor() -> str | None:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or None


def _cores() -> int | None:
    """Cores that this process may use; a container often has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory() -> float | None:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    return round(size / 2**30, 1)


def _wall_seconds(start: float | None) -> float | None:
    """Since `start`, or since the process began (proc(5): stat field 22, in clock ticks)."""
    if start is not None:
        return max(0.0, time.time() - start)
    try:
        ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        up = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, up - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return None
