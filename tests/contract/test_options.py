"""Every option of every command is also a variable, and what prints data has a form for programs."""

import os
from pathlib import Path

import click
import pytest

from jobferry_shared.codes import EXITS
from support.command_tree import COMMANDS
from support.commands import Run, jobferry, runner

#: Commands with a ``--json`` of no use: they draw, run for ever and only log, pass everything on to a program,
#: or print one word (a token) or JSON anyway.
DRAW = {"jobferry demo", "jobferry top"}
RUN = {"jobferry dashboard", "jobferry gateway", "jobferry processor"}
PASS_ON = {"jobferry bench", "jobferry chaos"}
ONE_WORD = {"jobferry token", "jobferry token show"}
#: They say only that they have done what was asked.
DONE = {"jobferry token revoke", "jobferry token restore"}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "jobferry"])
def test_options_have_variables_of_their_own_and_the_help_names_them(name: str) -> None:
    command = COMMANDS[name]
    options = [found for found in command.params if isinstance(found, click.Option)]
    wide = click.Context(command, info_name=name, terminal_width=1000, max_content_width=1000)
    help_text = command.get_help(wide)
    for option in options:
        assert str(option.envvar).startswith("JOBFERRY_"), option.opts
        assert f"env var: {option.envvar}" in help_text, option.opts
    assert len({option.envvar for option in options}) == len(options)


def test_what_prints_data_prints_it_as_json_too() -> None:
    groups = {name for name, found in COMMANDS.items() if isinstance(found, click.Group)}
    without = {
        name
        for name, found in COMMANDS.items()
        if not any("--json" in parameter.opts for parameter in found.params)
    }
    assert without - groups == (DRAW | RUN | PASS_ON | ONE_WORD | DONE) - groups


def test_exit_codes_and_variables_are_in_the_help() -> None:
    help_text = " ".join(jobferry("--help").stdout.split())
    assert [what for what in EXITS.values() if what not in help_text] == []
    assert "Every option may also come from the environment" in help_text


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for name in [name for name in os.environ if name.startswith("JOBFERRY_")]:
        monkeypatch.delenv(name)
    return runner(capsys)


def test_a_variable_does_what_its_option_does(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "till.db"
    monkeypatch.setenv("JOBFERRY_CLIENT_SUBMIT_TASK", "shout")
    monkeypatch.setenv("JOBFERRY_CLIENT_SUBMIT_MAX_ATTEMPTS", "3")
    monkeypatch.setenv("JOBFERRY_CLIENT_SUBMIT_JSON", "1")
    (job,) = run("client", "submit", file).lines
    assert (job["task"], job["max_attempts"]) == ("shout", 3)
    # What is said aloud counts more.
    assert run("client", "submit", file, "--task", "whisper").lines[0]["task"] == "whisper"
    monkeypatch.setenv("JOBFERRY_CLIENT_LS_LIMIT", "many")
    assert "JOBFERRY_CLIENT_LS_LIMIT" in run("client", "ls", file).err
    assert run("client", "ls", file).code == 2


def test_commands_that_make_something_say_it_as_json(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "till.db"
    (made,) = run("client", "init", file, "--json").lines
    assert (made["file"], made["mended"]) == (str(file), [])
    assert run("client", "status", file, "--json").lines[0]["client_id"] == made["client_id"]
