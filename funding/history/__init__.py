"""The rooms of history.py: what was, and REST as standby."""
