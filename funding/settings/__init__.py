"""The only readers of the environment."""
