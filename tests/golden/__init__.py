"""A device's file and a dump of Postgres as each release left them; see ``make.py``."""
