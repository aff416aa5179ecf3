"""Is the service well? Facts in, verdict and findings out. No I/O and no clock."""
