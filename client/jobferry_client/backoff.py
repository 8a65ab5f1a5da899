"""How long to wait before the next try."""

import random

__all__ = ["full_jitter"]

BASE_SECONDS = 0.25
CAP_SECONDS = 30.0
#: The server's wish is believed up to this.
MOST_RETRY_SECONDS = 3600.0


def full_jitter(failures: int, retry_after: float | None = None) -> float:
    """Seconds to wait after so many failures in a row.

    Anywhere between nothing and a bound that doubles each time: a thousand devices that lost the
    same gateway at the same moment come back spread over the whole span. ``retry_after`` is the
    server's wish, and is waited in full before the spread begins.
    """
    bound = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(failures, 16))
    wish = min(retry_after or 0.0, MOST_RETRY_SECONDS)
    return wish + random.uniform(0, bound)  # noqa: S311 - no secret
