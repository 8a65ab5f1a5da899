"""An app to hold: a device's jobs as a web page, served by the device itself, on loopback.

Everything here goes through the public API of `jobferry_client`, as an application of one's own
would. `app` has the routes, `guard` keeps others out, `live` tells the page what has changed;
`wishes` and `files` make jobs of what a person sends, `cards` and `connection` put into words what
has become of them. `serving` runs it: `python -m jobferry_demo.web FILE`.
"""
