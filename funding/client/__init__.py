"""Mark prices and funding rates for a script: from the service, and from REST where need be.

    from funding.client import FundingClient

    client = FundingClient()
    found = client.get("BTCUSDT")

`modes` says which of the two is asked when, `service` talks to the API on localhost.
"""

from funding.client.client import FundingClient
from funding.client.service import Service
from funding.client.session import Session, open_session
from funding.client.values import Funding, Rate, rate_or_zero

__all__ = ["Funding", "FundingClient", "Rate", "Service", "Session", "open_session", "rate_or_zero"]
