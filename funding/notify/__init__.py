"""The outbox → its targets."""
