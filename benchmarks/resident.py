"""Memory of a process and all its descendants, from /proc (Linux)."""

import subprocess
import time
from pathlib import Path


def resident(root: int) -> float:
    """Proportional set size of a process and its descendants, MiB: shared pages count once."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(words[1]), []).append(int(path.parent.name))
    wanted, total = [root], 0
    while wanted:
        process = wanted.pop()
        wanted += parents.get(process, [])
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:  # it ended while it was looked at
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def peak_of(process: subprocess.Popen[bytes], interval: float = 0.02) -> float:
    """Largest value of `resident` until the process ends, MiB, sampled every `interval` seconds."""
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(interval)
    return peak
