"""The files that docs/deployment.md names: each command is one that there is, each unit one that systemd takes."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
import yaml
from pydantic_settings import BaseSettings

from jobferry_client.cli import jobferry
from jobferry_server import settings
from jobferry_server.application import load_processor
from jobferry_sql import migrations

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
PAGE = (ROOT / "docs" / "deployment.md").read_text("utf-8")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
DOCKERFILE = (DEPLOY / "docker" / "Dockerfile").read_text()
PROGRAM = "/opt/jobferry/bin/jobferry"
#: As systemd-analyze counts exposure: 0 is none, 10 is all.
MOST_EXPOSURE = 2.0


def options(unit: Path, name: str) -> list[str]:
    """The values of an option, in order."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line, and where it stands."""
    for unit in UNITS:
        (start,) = options(unit, "ExecStart")
        program, *arguments = shlex.split(start.replace("%i", "8377"))
        assert program == PROGRAM
        yield unit.name, arguments
    for name, service in COMPOSE["services"].items():
        if name != "postgres":
            yield f"compose: {name}", service["command"]


def variables() -> set[str]:
    """What we know of the environment: settings, and options that have a variable."""
    found = {
        f"JOBFERRY_{name.upper()}"
        for model in vars(settings).values()
        if isinstance(model, type) and issubclass(model, BaseSettings)
        for name in model.model_fields
    }
    context = click.Context(jobferry)
    for name in jobferry.list_commands(context):
        command = jobferry.get_command(context, name)
        found |= {str(one.envvar) for one in (command.params if command else ()) if one.envvar}
    return found


@pytest.mark.parametrize(("where", "arguments"), list(commands()), ids=str)
def test_every_command_is_one_that_there_is(
    where: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBFERRY_DSN", "postgresql://")
    context = click.Context(jobferry)
    name, *rest = arguments
    command = jobferry.get_command(context, name)
    assert command is not None, where
    # Parses; runs nothing.
    command.make_context(name, rest, parent=context)


def test_every_variable_is_one_that_there_is() -> None:
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file()]
    named = set(re.findall(r"\bJOBFERRY_[A-Z_]+[A-Z]", "\n".join(texts)))
    assert named - variables() == set()


# -- systemd

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze on this machine"
)


def systemd_analyze(*arguments: str) -> str:
    found = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


@analyze
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_a_unit_and_finds_it_hardened(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    program = str(Path(sys.executable).parent / "jobferry")
    here.write_text(unit.read_text().replace(PROGRAM, program))
    assert systemd_analyze("verify", str(here)).strip() == ""
    found = systemd_analyze("security", "--offline=true", "--no-pager", str(here))
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", found)
    assert exposure
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_a_unit_gives_a_service_the_time_that_it_takes_to_end() -> None:
    gateway, processor = settings.GatewaySettings(), settings.ProcessorSettings()
    takes = {"gateway@": 2 * gateway.drain_seconds, "processor@": processor.grace_seconds + 5}
    for name, seconds in takes.items():
        (given,) = options(DEPLOY / "systemd" / f"jobferry-{name}.service", "TimeoutStopSec")
        assert float(given) > seconds


def test_a_unit_has_an_environment_of_its_own_and_no_other_s_secret() -> None:
    for unit in UNITS:
        part = unit.stem.removeprefix("jobferry-").removesuffix("@")
        assert options(unit, "EnvironmentFile") == [f"/etc/jobferry/{part}.env"]
        told = (DEPLOY / "env" / f"{part}.env").read_text()
        assert "JOBFERRY_DSN=" in told
        assert ("JOBFERRY_JWT_SECRET=" in told) is (part == "gateway")


def test_each_part_s_login_may_act_in_its_role_and_is_the_one_of_its_environment(dsn: str) -> None:
    (statements,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    logins = {"gateway": "gateway", "processor": "processor", "dashboard": "auditor"}
    with psycopg.connect(dsn) as connection:
        connection.execute(statements.encode())
        for part, role in logins.items():
            asked = "select pg_has_role(%s, %s, 'member')"
            asks = (f"{part}_login", f"jobferry_{role}")
            assert connection.execute(asked, asks).fetchone() == (True,)
            assert f"//{part}_login:" in (DEPLOY / "env" / f"{part}.env").read_text()
        connection.rollback()  # roles are the whole cluster's


def test_the_units_share_their_walls() -> None:
    walls = [unit.read_text().partition("\nNoNewPrivileges=")[2].split("\n\n")[0] for unit in UNITS]
    assert len(set(map(str.strip, walls))) == 1


# -- containers


def test_who_waits_for_whom_and_who_is_looked_after() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"postgres", "migrate", "gateway", "processor", "dashboard"}
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("gateway", "processor", "dashboard"):
        wanted = {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["depends_on"] == wanted
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"] is True
        assert all(port.startswith("127.0.0.1:") for port in services[name].get("ports", ()))
    assert all("healthcheck" in services[name] for name in ("postgres", "gateway", "processor"))


def test_a_health_check_is_a_program() -> None:
    for name in ("gateway", "processor"):
        _, python, flag, program = COMPOSE["services"][name]["healthcheck"]["test"]
        assert (python, flag) == ("python", "-c")
        compile(program, name, "exec")


def test_the_image_holds_every_package_and_no_root() -> None:
    folders = re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE)
    assert set(folders) == {"shared", "sql", "client", "server", "demo"}
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users[-1] not in ("0", "root")
    assert migrations("postgres")


def test_the_tasks_of_the_example_are_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DEPLOY / "docker")
    assert set(load_processor("tasks:processor").tasks) == {"shout"}
