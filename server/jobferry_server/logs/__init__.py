"""What the services say, and how it is written down.

``event`` is what an event is, ``events`` are all of them, ``lines`` writes each on a line of its own.
"""

from jobferry_server.logs import events
from jobferry_server.logs.event import CATALOGUE, Event
from jobferry_server.logs.lines import FORMATS, set_up_logging

__all__ = ["CATALOGUE", "FORMATS", "Event", "events", "set_up_logging"]
