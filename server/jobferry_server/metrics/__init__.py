"""Figures for Prometheus: what each part counts by itself, and what the database tells about all.

``definitions`` are the metrics, ``figures`` asks the database, ``lag`` watches the event loop,
``exporter`` serves a processor's.
"""

from jobferry_server.metrics.definitions import REGISTRY
from jobferry_server.metrics.exporter import Exporter
from jobferry_server.metrics.figures import Figures
from jobferry_server.metrics.lag import watch_loop

__all__ = ["REGISTRY", "Exporter", "Figures", "watch_loop"]
