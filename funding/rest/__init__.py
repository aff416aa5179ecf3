"""The exchange's REST interface, within the group's budget and its bans.

`client` has the routes, `leave` says whether one may be asked now, `transport` asks: it alone
imports urllib3.
"""

from funding.rest.client import Rest
from funding.rest.leave import Accounts

__all__ = ["Accounts", "Rest"]
