"""Hyperliquid perpetuals, and the builder markets on it (HIP-3)."""
