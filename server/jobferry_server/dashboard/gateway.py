"""How far the gateway's feed lags behind, which the gateway alone knows: from its /metrics."""

import asyncio
import urllib.request
from collections import deque
from urllib.parse import urlsplit

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jobferry_server.errors import ConfigurationError
from jobferry_server.metrics.definitions import REGISTRY

__all__ = ["FeedLag"]

ANSWER_SECONDS = 2.0
#: The lag is the mean over so many looks, which are at least a second apart.
LOOKS = 60
NAME = "jobferry_gateway_feed_lag_seconds"

Reading = tuple[float, float]


class FeedLag:
    """Looks at a gateway's metrics: at a URL, at this process' own ("") or at none (``None``)."""

    def __init__(self, url: str | None, token: str | None) -> None:
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise ConfigurationError(
                f"{url!r} is no address of a gateway's metrics",
                hint="It begins with http:// or https:// and ends with /metrics.",
            )
        self._url = url
        self._token = token
        self._readings: deque[Reading] = deque(maxlen=LOOKS)

    @property
    def known(self) -> bool:
        """Is there a gateway to ask?"""
        return self._url is not None

    async def mean(self) -> float | None:
        """Seconds from ring to page, of what was sent since the earliest look; ``None`` if nothing was.

        OSError if the gateway does not answer.
        """
        text = await asyncio.to_thread(self._text)
        self._readings.append(_reading(text))
        (seconds, pages), (seconds_before, pages_before) = self._readings[-1], self._readings[0]
        if pages < pages_before:  # it was started anew
            self._readings.clear()
        return (seconds - seconds_before) / (pages - pages_before) if pages > pages_before else None

    def _text(self) -> str:
        if not self._url:
            return generate_latest(REGISTRY).decode()
        request = urllib.request.Request(self._url)  # noqa: S310 - the operator's own word
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - the same
            return str(answer.read().decode())


def _reading(text: str) -> Reading:
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        if family.name == NAME
        for sample in family.samples
        if sample.name.endswith(("_sum", "_count"))
    }
    return found.get(f"{NAME}_sum", 0.0), found.get(f"{NAME}_count", 0.0)
