"""A live view of queue, processors and devices in a terminal.

One look is a handful of short queries in one snapshot; what it finds is drawn by textual. Nothing here
writes: a cancel or retry goes through the functions that ``jobferry jobs`` calls.
"""
