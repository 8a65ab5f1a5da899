"""Every command explains itself, here and in the documents."""

from pathlib import Path
from typing import get_args

import click
import pytest

from jobferry_shared.codes import CODES
from jobferry_shared.messages import DownMessage, UpMessage
from support.command_tree import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"


def test_these_are_the_commands() -> None:
    parts = [
        "audit",
        "bench",
        "chaos",
        "client",
        "dashboard",
        "delegate",
        "demo",
        "devices",
        "doctor",
        "erase",
        "gateway",
        "jobs",
        "migrate",
        "processor",
        "prune",
        "queues",
        "schedule",
        "token",
        "top",
        "up",
    ]
    of_schedules = ["add", "load", "ls", "pause", "resume", "rm", "run"]
    of_queues = ["ls", "pause", "resume"]
    of_the_device = ["cancel", "init", "ls", "show", "status", "submit", "sync", "watch"]
    in_the_ledger = ["cancel", "ls", "reschedule", "retry", "show"]
    assert sorted(COMMANDS) == sorted(
        [
            "jobferry",
            *(f"jobferry {name}" for name in parts),
            *(f"jobferry client {name}" for name in of_the_device),
            *(f"jobferry schedule {name}" for name in of_schedules),
            *(f"jobferry queues {name}" for name in of_queues),
            *(f"jobferry delegate {name}" for name in ("add", "check", "ls", "rm")),
            *(f"jobferry jobs {name}" for name in in_the_ledger),
            *(f"jobferry token {name}" for name in ("restore", "revoke", "revoked", "show")),
        ]
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does_in_one_line(name: str) -> None:
    short = COMMANDS[name].get_short_help_str(200)
    assert short[0].isupper()
    assert len(short.partition(". ")[0]) < 100


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_documents(name: str) -> None:
    assert f"## {name}\n" in (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--url", "--token"])
def test_what_may_come_from_the_environment_says_so(option: str) -> None:
    help_text = COMMANDS["jobferry client sync"].get_help(click.Context(click.Command("sync")))
    assert f"JOBFERRY_{option.strip('-').upper()}" in help_text


def test_every_public_code_is_in_the_documents() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"`{code}`" not in text] == []


def test_every_message_is_in_the_prose_of_the_protocol() -> None:
    text = (DOCS / "protocol.md").read_text(encoding="utf-8")
    names = {
        message.model_fields["type"].default
        for union in (UpMessage, DownMessage)
        for message in get_args(union)
    }
    assert len(names) == 11
    assert [name for name in names if f'"type":"{name}"' not in text] == []
