"""The worlds that the report judges."""

from tests.support.report_fixtures import fair, few_symbols, hostile, world

__all__ = ["fair", "few_symbols", "hostile", "world"]
