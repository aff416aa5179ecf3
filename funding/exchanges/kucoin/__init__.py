"""KuCoin futures."""
