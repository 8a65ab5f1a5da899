"""The documents say what is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobferry_server.gateway import server as gateway
from jobferry_server.processor import service
from jobferry_shared.states import LOCAL_TRANSITIONS, TRANSITIONS
from support.pages import ROOT, documents


def test_the_generated_parts_are_what_the_code_says() -> None:
    # In a process of its own: click remembers of each command how its help was asked for last.
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run 'make docs': {done.stdout}{done.stderr}"


def test_the_picture_of_the_states_shows_every_move_and_no_other() -> None:
    picture = (ROOT / "docs" / "pictures" / "states.svg").read_text(encoding="utf-8")
    drawn = " ".join(re.findall(r'data-moves="([^"]+)"', picture)).split()
    moves = {**LOCAL_TRANSITIONS, **TRANSITIONS}
    assert sorted(drawn) == sorted(f"{source or '-'}:{target}" for source, target in moves)


def test_how_many_connections_a_part_has_is_said() -> None:
    page = (ROOT / "docs" / "how-to" / "many-nodes.md").read_text(encoding="utf-8")
    said = [int(number) for number in re.findall(r"has at most (\d+)", page)]
    assert said == [gateway.CONNECTIONS + 1, service.CONNECTIONS + 1]  # one listens


@pytest.mark.parametrize("document", documents())
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / target).exists(), target
