"""``jobferry`` as it will be: ``python -m support.other_version OLDEST NEWEST COMMAND …``.

It understands the protocol's versions from OLDEST to NEWEST.
"""

import sys

from jobferry_client.cli import main
from jobferry_shared import session


def become(oldest: int, newest: int) -> None:
    """From now on this process speaks these."""
    vars(session).update(MINIMUM_PROTOCOL=oldest, PROTOCOL=newest)


if __name__ == "__main__":
    oldest, newest, *arguments = sys.argv[1:]
    become(int(oldest), int(newest))
    sys.argv = ["jobferry", *arguments]
    main()
