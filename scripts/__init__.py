"""What a person starts by hand. A package, so that no other `scripts` can stand before it."""
