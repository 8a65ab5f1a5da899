"""``jobferry doctor``: what is wrong, in one sentence each, and how to mend it.

Here are the device's checks; the other parts bring theirs as entry points, so that a device needs
nothing of the server's. Nothing here writes, makes a file or changes what it looks at.
"""
