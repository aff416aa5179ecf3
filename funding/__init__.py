"""The funding-rate service: what its three programs share. No entry points inside."""

__version__ = "1.0.0"
