"""This process on this machine."""
