"""Two programs that use the service, each on its own: what a user runs, or reads."""
