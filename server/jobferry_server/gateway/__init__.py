"""The sync server: websockets on one side, Postgres on the other.

``server`` accepts, ``device`` is one connection, ``ingest`` writes what comes up, ``feed`` reads
what goes down, ``cursor`` is how far a device has read.
"""

from jobferry_server.gateway.server import Gateway

__all__ = ["Gateway"]
