"""What ``jobferry doctor --dsn`` looks at: one module for each kind of question.

Each check is a generator of findings over one connection, logged in as a part would be. They read;
the one thing they write is a notification to themselves.
"""

from jobferry_server.doctor.examination import examine

__all__ = ["examine"]
