"""Everything at once on real processes, and what must be true of it afterwards.

``plan`` says from a seed what is to go wrong when; ``scene`` is what runs; ``faults``, with ``disk``,
``clock`` and ``namespace``, are the ways to do it harm; ``device`` is an application in a process of its
own that writes a ``history`` of all it did and saw; ``storm`` carries out the plan and waits until
everything has come to rest; ``checker`` decides on the histories, the ledger and the files; ``bugs`` are
there to show that it can say no.
"""
