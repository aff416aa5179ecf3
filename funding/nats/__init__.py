"""What travels between machines: subjects and bodies, and the connection to the NATS server."""
