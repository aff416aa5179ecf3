"""The store → NATS: the rooms of publish.py."""
