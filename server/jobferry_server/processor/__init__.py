"""The service that runs jobs.

``processor`` is its API, ``task`` and ``job`` what a handler meets, ``attempt`` one run of one job,
``service`` the loops around it, ``ledger`` what they say to the queue.
"""
