"""Mark prices and funding rates for a script: from the service, and from REST where need be.

    from funding.client import FundingClient

    with FundingClient() as client:
        found = client.get("BTCUSDT")

`mode` says which of the two is asked when, `service` talks to the API on localhost.
"""

from funding.client.client import FundingClient
from funding.client.values import Funding, Rate, rate_or_zero

__all__ = ["Funding", "FundingClient", "Rate", "rate_or_zero"]
