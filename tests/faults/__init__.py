"""The fault catalogue: each fault a row, run against the whole service under supervisord."""
