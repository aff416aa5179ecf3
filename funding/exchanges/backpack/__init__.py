"""Backpack perpetuals."""
