"""``python tests/benchmarks``; ``--help`` says what it takes."""

import sys
from pathlib import Path


def run() -> None:
    """Start the command, with ``tests/`` where this folder was on the path."""
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.command import main
    from jobferry_client.variables import give_variables

    give_variables(main, "jobferry bench")
    main()


if __name__ == "__main__":
    run()
