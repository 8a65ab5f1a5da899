"""The server's commands, one module each."""
