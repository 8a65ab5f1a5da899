"""How fast Jobferry is, beside what the raw pieces can do on the same machine in the same run.

``report`` is what a measurement says, ``bench`` where it takes place, ``process`` and ``cpu`` the
processes in it; ``device``, ``fleet``, ``deaf``, ``echo`` and ``tasks`` run in processes of their own;
``raw_*`` are the floors, without product code above the SQL; every other module is one measurement.
"""
