"""Schedules: what recurs, and the loop that makes a job of every slot."""
