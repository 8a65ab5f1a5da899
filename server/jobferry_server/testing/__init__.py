"""Jobferry for the tests of those who use it: a server beside a test, and its jobs run on demand.

The fixtures are in :mod:`jobferry_server.pytest_plugin`; nothing here knows pytest.
"""
