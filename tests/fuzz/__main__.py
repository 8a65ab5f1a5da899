"""``python -m fuzz [--seconds N] [TARGET ...]``: atheris on each target in turn, all by default.

What breaks one is written to ``crash-…``, and it ends with an error.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz.seeds import seeds
from fuzz.targets import TARGETS


def main() -> int:
    """Run each target as a process of its own, for so many seconds."""
    words = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    words.add_argument("--seconds", type=int, default=20, help="For each target.")
    words.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="Which ones.")
    wanted = words.parse_args()
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("skipped: atheris is not installed (pip install 'jobferry[fuzz]', on Linux)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for number, octets in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(octets)
        return max(fuzzed(name, folder, wanted.seconds) for name in wanted.targets or TARGETS)


def fuzzed(name: str, folder: str, seconds: int) -> int:
    """The exit code of one target; what libFuzzer says is shown if something broke."""
    with tempfile.TemporaryDirectory() as found:
        limits = (f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=2048")
        run = [sys.executable, "-m", "fuzz.one", name, *limits, "-print_final_stats=1"]
        ended = subprocess.run([*run, found, folder], capture_output=True, text=True, check=False)
    tried = re.search(r"number_of_executed_units: (\d+)", ended.stderr)
    print(f"{name:>9}: {tried[1] if tried else 'not'} tried", flush=True)
    if ended.returncode:
        print(ended.stdout + ended.stderr[-8000:])
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
