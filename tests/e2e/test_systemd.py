"""docs/deployment.md, typed on a machine with a systemd of its own: a device gets its result by the units."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from integration.test_tls import Authority
from jobferry_server.testing.postgres import embedded
from support.pages import ROOT, Block, Page
from support.processes import eventually
from support.services import SECRET, token
from support.systemd import Machine, lacking, machine
from support.walls import TRIED

pytestmark = [
    pytest.mark.skipif(lacking() is not None, reason=str(lacking())),
    pytest.mark.timeout(300),
]

PATH = ROOT / "docs" / "deployment.md"
# The last is typed where an engine for containers answers: contract/test_deployment.py.
ONCE, LOGINS, UNITS, NGINX, ROLLING, UPGRADE, CONTAINERS = Page(
    PATH, PATH.read_text("utf-8")
).blocks
SERVICES = "jobferry-gateway@8377 jobferry-gateway@8378 jobferry-processor@1 jobferry-dashboard"
TILL = "/var/tmp/till.db"
#: "Your own DSNs and secrets": the DSNs are as on the page.
KEEP_A_SECRET = (
    f"sed -i 's/^JOBFERRY_JWT_SECRET=.*/JOBFERRY_JWT_SECRET={SECRET}/' /etc/jobferry/gateway.env"
)


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    """The database of the page, and whose it is; nobody has been in this Postgres before."""
    with embedded() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create role owner login createrole")
        connection.execute("create database jobferry owner owner")
        yield dsn.replace("/postgres?", "/jobferry?")


@pytest.fixture(scope="module")
def site(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, once everything of the page is set up."""
    folder = tmp_path_factory.mktemp("systemd")
    with machine(folder, Path(str(conninfo_to_dict(dsn)["host"]))) as found:
        bring_what_is_one_s_own(found, Authority(folder))
        found.type(*lines(ONCE))
        with psycopg.connect(dsn) as connection:
            connection.execute(LOGINS.text.encode())
        *before, last = lines(UNITS)
        found.type(*before, KEEP_A_SECRET, last, "systemctl start nginx", *lines(NGINX))
        yield found
        print(found.type("journalctl --no-pager --boot -n 300"))


def bring_what_is_one_s_own(found: Machine, authority: Authority) -> None:
    """Tasks, and a certificate."""
    checkout = found.root / "srv" / "jobferry"
    shutil.copy(ROOT / "tests" / "support" / "walls.py", checkout / "tasks.py")
    authority.parts(checkout / "key.pem", checkout / "fullchain.pem", "jobs.example.org")
    shutil.copy(authority.pem, found.root / "srv" / "ca.pem")


def lines(block: Block) -> list[str]:
    """What is typed; nothing on this page says what it prints."""
    return [line for line, _ in block.commands]


def device(command: str, owner: str = "anna") -> str:
    """A command of a device on that machine, which comes in by the front door."""
    door = "JOBFERRY_URL=wss://jobs.example.org JOBFERRY_CA=/srv/ca.pem"
    return f"{door} JOBFERRY_TOKEN={token(owner)} /opt/jobferry/bin/jobferry client {command}"


def result(site: Machine, task: str, payload: str) -> object:
    """What comes of a job."""
    job = f"--task '{task}' --payload '{payload}' --wait --timeout 60 --json"
    *_, last = site.type(device(f"submit /var/tmp/first.db {job}")).splitlines()
    return json.loads(last)["result"]


def test_a_device_gets_its_result(site: Machine) -> None:
    assert result(site, "shout", '"hello"') == "HELLO"


def test_whoever_opens_the_dashboard_sees_it(site: Machine) -> None:
    curl = "curl -sS --retry 30 --retry-delay 1 --retry-all-errors -f http://127.0.0.1:8399/"
    assert "Jobferry" in site.type(curl)


@pytest.mark.parametrize("task", ["walls", "walls of a process"])
def test_a_handler_can_do_its_work_and_nothing_else(site: Machine, task: str) -> None:
    refused = {
        "change its own code": "EROFS",
        "set up a service": "EROFS",
        "read the gateway's secret": "EACCES",
        "look into a home": "EACCES",
        "see who else runs": "ENOENT",
        "speak to the kernel's network": "EAFNOSUPPORT",
    }
    expected = dict.fromkeys(TRIED, "EPERM") | {"write a file for itself": "done"} | refused
    assert result(site, task, "null") == expected


def test_each_part_is_a_user_of_its_own(site: Machine) -> None:
    ask = "stat -c %u /proc/$(systemctl show -P MainPID {})"
    users = {name: int(site.type(ask.format(name))) for name in SERVICES.split()}
    gateways = {user for name, user in users.items() if "gateway" in name}
    assert len(gateways) == 1
    assert len(set(users.values())) == 3
    assert min(users.values()) > 60_000, "they exist while they run"


def test_the_journal_is_lines_of_json(site: Machine) -> None:
    services = "-u 'jobferry-gateway@*' -u jobferry-dashboard"

    def events() -> set[str]:
        said = site.type(f"journalctl -o cat _TRANSPORT=stdout {services}")
        return {json.loads(line)["event"] for line in said.splitlines()}

    eventually(lambda: {"gateway.listening", "dashboard.listening"} <= events())


def test_a_rolling_restart_and_a_new_version_lose_nothing(site: Machine) -> None:
    site.type(f"systemd-run -q --unit=till bash -c '{device(f'sync {TILL}', 'bert')}'")
    typed = lines(ROLLING) + lines(UPGRADE)
    for line in typed:
        site.type(device(f"submit {TILL} --task shout"), line)
    eventually(lambda: len(completed(site)) == len(typed))
    assert {job["attempts"] for job in completed(site)} == {1}
    assert "up to date" in site.type("journalctl -o cat -u jobferry-migrate")


def completed(site: Machine) -> list[dict[str, object]]:
    """What the device knows to be done."""
    jobs = map(json.loads, site.type(device(f"ls {TILL} --json")).splitlines())
    return [job for job in jobs if job["completed"]]


def test_a_service_that_dies_comes_back_however_often(site: Machine) -> None:
    """Six times in ten seconds is more than systemd permits whoever does not ask."""
    name = "jobferry-processor@2"
    site.type(*[f"systemctl restart {name}"] * 6)
    before = site.type(f"systemctl show -P MainPID {name}")
    site.type(f"systemctl kill --signal=KILL {name}")
    eventually(lambda: site.type(f"systemctl show -P MainPID {name}") not in (before, "0\n"))
