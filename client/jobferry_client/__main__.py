"""``python -m jobferry_client`` is the command ``jobferry``."""

from jobferry_client.cli import main

main()
