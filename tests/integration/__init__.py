"""The server's half on a real Postgres: its SQL, the gateway's sockets, the processor's handlers."""
