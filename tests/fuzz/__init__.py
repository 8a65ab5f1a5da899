"""Octets for whatever reads what a stranger wrote; see :mod:`fuzz.targets`."""
