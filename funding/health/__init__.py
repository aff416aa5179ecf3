"""Is the service healthy? Facts in, verdict and findings out. No I/O and no clock."""
