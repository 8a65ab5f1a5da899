"""The vocabulary of Jobferry, so that device and server mean the same by the same word.

Jobs and their states, the messages between device and gateway, the conversation itself as a pure
object, strict JSON, limits, errors. This package knows no socket, no database, no file and no
clock; both sides import it and it imports neither.
"""

__version__ = "0.1.0"
