"""The proof of docs/machines.md: several machines on one, each a network namespace of its own."""
