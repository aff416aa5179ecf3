"""What takers publish on NATS → a private SQLite file, for an API on another host."""
