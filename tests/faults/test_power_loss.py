"""A power cut at any moment: what was submitted is in the file, if its connection was FULL."""

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from jobferry_client import JobClient, NotAJobFile
from jobferry_client.file import open_file, sqlite3
from support.power import Did, Disk

pytest.importorskip("apsw", reason="apsw is a development dependency")

SEEDS = [int(word) for word in os.environ.get("JOBFERRY_TEST_POWER_SEEDS", "1,2,3").split(",")]
SUBMITS = int(os.environ.get("JOBFERRY_TEST_POWER_SUBMITS", "60"))
CUTS = int(os.environ.get("JOBFERRY_TEST_POWER_CUTS", "80"))
TESTS = Path(__file__).parents[1]


def recorded(folder: Path, synchronous: str, seed: int) -> tuple[bytes, list[Did]]:
    """A file as the client makes it, and all that was done to it afterwards."""
    path, log = folder / "till.db", folder / "log"
    open_file(path).close()
    made = path.read_bytes()
    arguments = map(str, (path, log, synchronous, seed, SUBMITS))
    subprocess.run(
        [sys.executable, "-m", "support.power_writer", *arguments],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        check=True,
    )
    return made, pickle.loads(log.read_bytes())


class Promise:
    """What the application was told, up to some moment."""

    def __init__(self) -> None:
        self.returned: list[str] = []
        self.acknowledged: set[str] = set()

    def hear(self, did: Did) -> None:
        """One more thing was done."""
        if did.what == "returned":
            self.returned += did.jobs
        elif did.what == "acknowledged":
            self.acknowledged |= set(did.jobs)

    def broken(self, path: Path) -> list[str]:
        """The jobs that an ordinary client misses in what is left, or would not send."""
        with JobClient(path) as client:
            there = {str(job.id) for job in client.jobs(limit=10 * SUBMITS)}
        with closing(open_file(path)) as file:
            outbox = {row[0] for row in file.execute("SELECT job_id FROM _jobferry_outbox")}
            assert file.execute("PRAGMA integrity_check").fetchall()[0][0] == "ok"
            assert file.execute("SELECT syncing FROM _jobferry_state").fetchone()[0] == 0
        assert outbox <= there, "an operation without its job"
        assert there - outbox <= self.acknowledged, "a job without its operation"
        return [job for job in self.returned if job not in there]


def cuts(
    tmp_path: Path, synchronous: str, seed: int, disk: Disk
) -> Iterator[tuple[int, list[str], list[str]]]:
    """Cut the power at many moments: where, all that was promised, and what of it is lost."""
    made, log = recorded(tmp_path, synchronous, seed)
    disk.put("till.db", made)
    random = Random(seed)
    wanted = {*random.sample(range(len(log)), min(CUTS, len(log)))}
    promise = Promise()
    for place, did in enumerate(log):
        disk.happen(did)
        promise.hear(did)
        if place in wanted:
            folder = tmp_path / str(place)
            folder.mkdir()
            disk.cut(random, folder)
            yield place, promise.returned, promise.broken(folder / "till.db")


def assert_kept(tmp_path: Path, seed: int, disk: Disk) -> None:
    for place, _, lost in cuts(tmp_path, "FULL", seed, disk):
        assert lost == [], f"JOBFERRY_TEST_POWER_SEEDS={seed}, cut at {place}"


@pytest.mark.parametrize("seed", SEEDS)
def test_full_loses_nothing_that_was_submitted(tmp_path: Path, seed: int) -> None:
    assert_kept(tmp_path, seed, Disk())


def test_normal_loses_the_last_commits_and_no_others(tmp_path: Path) -> None:
    some_lost = False
    for place, returned, lost in cuts(tmp_path, "NORMAL", SEEDS[0], Disk()):
        some_lost = some_lost or bool(lost)
        assert lost == returned[len(returned) - len(lost) :], place
    assert some_lost


@pytest.mark.parametrize("deaf", [{"syncs": False}, {"folder_syncs": False}], ids=str)
def test_a_disk_that_does_not_sync_keeps_no_promise(tmp_path: Path, deaf: dict[str, bool]) -> None:
    """Neither the file's sync nor the folder's can be left out: the tests above would see it."""
    with pytest.raises((AssertionError, NotAJobFile, sqlite3.DatabaseError)):
        assert_kept(tmp_path, SEEDS[0], Disk(**deaf))


def test_the_client_s_sqlite_syncs_files_and_folders(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "till.db")) as file:
        options = {row[0] for row in file.execute("PRAGMA compile_options")}
        assert file.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert options & {"DISABLE_DIRSYNC", "NO_SYNC"} == set()
    assert sqlite3.sqlite_version_info >= (3, 37)


SUBMIT = """
import sys
from jobferry_client import JobClient
with JobClient(sys.argv[1]) as client:
    for n in range(3):
        client.submit(payload=n)
        print("returned", flush=True)
"""


def traced(folder: Path) -> list[str]:
    """What a device's process syncs, and when its submits return, in order."""
    log = folder / "trace"
    calls = ["-f", "-y", "-e", "trace=fsync,fdatasync,write", "-o", str(log)]
    program = [sys.executable, "-c", SUBMIT, str(folder / "till.db")]
    done = subprocess.run(["strace", *calls, *program], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("strace may not trace here")
    names = re.compile(r"sync\(\d+<([^>]*)>|\"(returned)")
    return [
        found[1] or found[2]
        for line in log.read_text().splitlines()
        if (found := names.search(line))
    ]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_real_client_syncs_the_log_before_submit_returns_and_the_folder_before_that(
    tmp_path: Path,
) -> None:
    done = [Path(name).name for name in traced(tmp_path)]
    first = done.index("returned")
    log = done.index("till.db-wal")
    assert tmp_path.name in done[log:first]
    for place, what in enumerate(done):
        if what == "returned":
            assert done[place - 1] == "till.db-wal"
