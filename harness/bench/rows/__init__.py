"""The rows of the table, one module each, named for what they measure."""
