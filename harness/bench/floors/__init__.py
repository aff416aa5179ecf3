"""What the service cannot be faster than: the bare work, without what makes it a service."""
