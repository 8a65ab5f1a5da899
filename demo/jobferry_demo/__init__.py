"""The demo: real jobs on real data, from a device that is offline to results in its own file.

`tasks` holds the processor that runs them; `data` the photographs and the table they work on. The
work itself (`thumbnails`, `summaries`, `checksums`, `drills`) knows nothing of queues, so that it
can be read, and tested, alone.
"""
