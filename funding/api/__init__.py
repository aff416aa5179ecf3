"""The store → HTTP: the rooms of api.py."""
