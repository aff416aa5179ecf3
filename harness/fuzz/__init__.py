"""Damaged input of every kind from outside: only documented errors may come out."""
