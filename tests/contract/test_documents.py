"""The documents say what is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobferry_server import Processor
from support.services import Services, token

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def python_block(containing: str) -> str:
    """The README's Python block that contains a text."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return next(block for block in blocks if containing in block)


def test_the_generated_parts_are_what_the_code_says() -> None:
    # In a process of its own: click remembers of each command how its help was asked for last.
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run 'make docs': {done.stdout}{done.stderr}"


def test_the_readme_s_device_and_processor_work(
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, object] = {"__name__": "tasks"}
    exec(python_block("Processor()"), names)
    processor = names["processor"]
    assert isinstance(processor, Processor)
    with services.gateway() as url, services.processor(processor):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("JOBFERRY_URL", url)
        monkeypatch.setenv("JOBFERRY_TOKEN", token())
        exec(python_block("JobClient("), {})
    assert capsys.readouterr().out == "{'text': 'HELLO'}\n"


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / target).exists(), target
