"""Delegated tasks: their jobs are run by the workers of another queue in the same database.

``registry`` says which tasks those are. ``procrastinate`` and ``pgqueuer`` wrap a handler, written as for
our own processor, so that what comes of its jobs returns to the ledger. Workers in any other language call
the four functions of ``jobferry.delegated_*``.
"""
