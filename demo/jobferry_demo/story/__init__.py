"""The story that `jobferry demo` tells, and what it takes to tell it.

`telling` has the acts in their order; `opening`, `acts` and `endings` what happens in them, and
`errands` what the device wants done. `servers` (with `processes`, `guardian` and `interrupts`)
starts the server side and ends it whatever happens; `ledger` and `account` look at what it did.
`stage`, `board`, `sight`, `findings` and `pictures` are what one sees.

`hands` is the other demo, `jobferry demo --web`: the same servers, and two devices to hold.
"""
