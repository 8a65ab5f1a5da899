"""Every command on the page about retention runs, and says what the page says."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from integration.database import Database
from jobferry_client import JobClient
from support.aging import age, finished
from support.services import SECRET, Services, token

PAGE = (Path(__file__).parents[2] / "docs" / "retention.md").read_text(encoding="utf-8")
COMMANDS = [
    (found[1], found[2])
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for found in re.finditer(r"\$ jobferry (.+)\n((?:(?!\$ ).*\n)*)", block)
]


def said(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "jobferry_client", *shlex.split(command)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def pattern(text: str) -> str:
    """What the page prints, where an ellipsis stands for whatever comes."""
    return re.escape(text).replace("…", ".*")


def test_every_command_says_what_the_page_says(
    dsn: str, services: Services, tmp_path: Path
) -> None:
    with Database(dsn) as db, services.gateway() as url:
        finished(db, 3, owner="bert")
        age(db)
        finished(db, 1)
        db.insert(submitted_by="anna")
        environment = {
            "JOBFERRY_DSN": dsn,
            "JOBFERRY_URL": url,
            "JOBFERRY_TOKEN": token(),
            "JOBFERRY_JWT_SECRET": SECRET,
            "PYTHONPATH": ":".join(sys.path),
        }
        for command, printed in COMMANDS:
            found = said(command, tmp_path, environment)
            assert re.match(pattern(printed), found, re.DOTALL), (command, found)
    assert len(COMMANDS) == 8
    assert len((tmp_path / "pruned.jsonl").read_text().splitlines()) == 3


def test_the_code_runs(services: Services, device_file: Callable[[str], Path]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with services.gateway() as url:
        names = {"JobClient": JobClient, "url": url, "token": token()}
        exec(block.replace("till.db", str(device_file("till"))), names)
        client = names["client"]
        assert isinstance(client, JobClient)
        with client:
            client.sync(20)


def test_every_function_that_pruning_needs_is_on_the_page() -> None:
    source = (Path(__file__).parents[2] / "sql/jobferry_sql/postgres").glob("*retention.sql")
    (text,) = (path.read_text(encoding="utf-8") for path in source)
    granted = re.findall(
        r"grant execute on function ([^;]+?)\s+to jobferry_admin;", text, re.DOTALL
    )
    names = re.findall(r"jobferry\.\w+", granted[-1])
    assert len(names) == 5
    assert [name for name in names if f"{name}(" not in PAGE] == []
