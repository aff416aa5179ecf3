"""What a rate means against its own past: pure arithmetic on settled rates and quotes."""
