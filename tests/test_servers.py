"""Lineage and tracking pages start, listen on this machine only, and show the row."""

import json
import os
import random
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.project import PAPER, make_project, start


class _Server:
    """A server of kedro's on a free port."""

    def __init__(self, project: Path, *arguments: str) -> None:
        self.port = _free_port()
        self.log = project / "server.log"  # a file: a pipe that nobody reads would stop it
        with self.log.open("w") as log:
            options = {"stdout": log, "start_new_session": True}
            self.process = start(project, *arguments, f"--port={self.port}", **options)

    def fetch(self, path: str) -> bytes:
        """The page, asked for until it is there."""
        for _ in range(600):
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}{path}", timeout=10
                ) as page:
                    return page.read()
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                # `kedro viz run` ends with 0 once its child serves.
                assert not self.process.poll(), self.log.read_text()
                time.sleep(0.5)
        raise AssertionError(f"nothing answered on port {self.port}:\n{self.log.read_text()}")


@contextmanager
def _serving(project: Path, *arguments: str) -> Iterator[_Server]:
    """The server while it runs, ended with all its processes."""
    server = _Server(project, *arguments)
    try:
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()


def _free_port() -> int:
    """A port below those that the system gives away: kedro-viz refuses any above 49151."""
    ports = list(range(20_000, 32_000))
    random.shuffle(ports)
    for port in ports:
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def _listening(port: int) -> set[str]:
    """Local addresses on which somebody listens at this port (Linux, IPv4 and IPv6)."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A" and int(address.rpartition(":")[2], 16) == port:
                found.add(address.rpartition(":")[0])
    return found


def test_lineage_collapses_by_paper_and_learner(tmp_path: Path) -> None:
    with _serving(make_project(tmp_path), "viz", "run", "--no-browser") as server:
        graph = json.loads(server.fetch("/api/main"))
        assert _listening(server.port) == {"0100007F"}
    boxes = set(graph["modular_pipelines"])
    assert {PAPER, f"{PAPER}.resnet18_all", f"{PAPER}.resnet18_baseline"} <= boxes
    assert {"training", "evaluation", "ingestion"} <= {tag["id"] for tag in graph["tags"]}


def test_tracking_page_listens_here_only(tmp_path: Path) -> None:
    with _serving(make_project(tmp_path), "mlflow", "ui") as server:
        assert b"<html" in server.fetch("/").lower()
        assert _listening(server.port) == {"0100007F"}


def test_the_probe_sees_an_open_port() -> None:
    with socket.socket() as open_to_all:
        open_to_all.bind(("0.0.0.0", 0))
        open_to_all.listen()
        assert _listening(open_to_all.getsockname()[1]) == {"00000000"}
