"""A stand-in for Binance USD-M futures: WebSocket and REST on one loopback port.

For demos, tests and benchmarks. It speaks the exchange's real shapes and can be made to fail in
every way the exchange is known to fail. It imports nothing of the package it serves.
"""
