"""The dashboard: what happens, seen and taken in hand in a browser.

``app`` puts it together; ``source`` reads the database and acts on it, ``changes`` says when to look again,
``access`` who may look; ``pages`` are the pages, ``actions`` what can be done on them.
"""

from jobferry_server.dashboard.app import dashboard

__all__ = ["dashboard"]
