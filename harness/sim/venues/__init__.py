"""The stand-ins for KuCoin, Hyperliquid and Backpack, beside that for Binance.

All stand in one program and show one market: a venue's price is Binance's at the same instant, with
a small basis of its own, and its rate follows Binance's.
"""
