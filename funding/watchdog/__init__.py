"""Looks after the service: the rooms of watchdog.py."""
