"""What an application may import, and that the asyncio client is the same client."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import jobferry_client
import jobferry_shared
import jobferry_sql
from jobferry_client import AsyncJobClient, JobClient, JobferryError
from jobferry_shared.codes import CODES

PUBLIC = [name for name in vars(JobClient) if not name.startswith("_")]
THE_DEVICE_S_OWN = ("jobferry_client", "jobferry_shared", "jobferry_sql")


def modules() -> Iterator[ModuleType]:
    for package in (jobferry_client, jobferry_shared, jobferry_sql):
        yield package
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_what_a_module_names_as_public_is_there_once(module: ModuleType) -> None:
    names = getattr(module, "__all__", [])
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(module, name)] == []


def test_an_application_finds_these_names() -> None:
    assert sorted(jobferry_client.__all__) == [
        "AsyncJobClient",
        "ClientClosed",
        "ClientError",
        "ClientStatus",
        "ConnectionState",
        "InvalidJSON",
        "InvalidJob",
        "Job",
        "JobClient",
        "JobError",
        "JobNotFound",
        "JobRefused",
        "JobferryError",
        "NewJob",
        "NotAJobFile",
        "Status",
        "Timing",
        "Watch",
        "tls_context",
    ]


def own_types(annotation: Any) -> Iterator[type]:
    """The classes of ours that an annotation speaks of."""
    if isinstance(annotation, type) and annotation.__module__.startswith("jobferry"):
        yield annotation
    for part in (typing.get_origin(annotation), *typing.get_args(annotation)):
        yield from own_types(part) if part is not None and part is not Callable else ()


@pytest.mark.parametrize("name", ["__init__", *PUBLIC])
def test_every_type_in_a_public_signature_can_be_imported(name: str) -> None:
    hints = typing.get_type_hints(getattr(JobClient, name))
    for hint in hints.values():
        for found in own_types(hint):
            assert getattr(jobferry_client, found.__name__, None) is found


def test_every_error_an_application_can_meet_is_a_jobferry_error_with_a_known_code() -> None:
    errors = [
        value
        for name in jobferry_client.__all__
        if isinstance(value := getattr(jobferry_client, name), type)
        and issubclass(value, Exception)
    ]
    assert len(errors) == 8
    for error in errors:
        assert issubclass(error, JobferryError)
        assert error.default_code in CODES
        assert error("…").hint


@pytest.mark.parametrize("package", [jobferry_client, jobferry_shared, jobferry_sql])
def test_the_packages_are_typed(package: ModuleType) -> None:
    assert package.__doc__
    assert [Path(path, "py.typed").is_file() for path in package.__path__] == [True]


def test_the_asyncio_client_has_the_same_methods() -> None:
    found = [name for name in vars(AsyncJobClient) if not name.startswith("_")]
    assert sorted(found) == sorted(PUBLIC)


@pytest.mark.parametrize("name", ["__init__", *PUBLIC])
def test_a_method_of_the_asyncio_client_takes_the_same_and_says_the_same(name: str) -> None:
    method, twin = getattr(JobClient, name), getattr(AsyncJobClient, name)
    assert inspect.signature(twin).parameters == inspect.signature(method).parameters
    if name != "__init__":
        assert method.__doc__
        assert inspect.getdoc(twin) == inspect.getdoc(method)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_method_of_the_asyncio_client_is_awaited_and_gives_the_same(name: str) -> None:
    method, twin = getattr(JobClient, name), getattr(AsyncJobClient, name)
    if name == "watch":
        assert inspect.isasyncgenfunction(twin)
        given = typing.get_type_hints(twin)["return"]
        assert typing.get_origin(given) is AsyncIterator
        assert typing.get_args(given) == typing.get_args(typing.get_type_hints(method)["return"])
    else:
        assert inspect.iscoroutinefunction(twin)
        assert typing.get_type_hints(twin)["return"] == typing.get_type_hints(method)["return"]


def test_the_device_imports_nothing_of_the_server_s_and_one_sqlite() -> None:
    code = (
        "import json, sys, jobferry_client, jobferry_client.commands;"
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    for stranger in ("jobferry_server", "asyncpg", "psycopg", "jwt", "pydantic_settings", "uvloop"):
        assert stranger not in loaded
    assert len({"_sqlite3", "pysqlite3", "apsw"} & loaded) == 1
