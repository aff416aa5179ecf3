"""The stream → the store: the rooms of ingest.py."""
