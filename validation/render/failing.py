"""What is said of the failures, whatever draws them."""

import math
from typing import Any

from validation.render.document import Document
from validation.render.text import iso


def when(failure: dict[str, Any]) -> str:
    """When it was, "" where that is not known."""
    begin, end, goes_on = failure["begin"], failure["end"], failure["goes_on"]
    if begin is None:
        return "now" if goes_on else ""
    if failure["times"] > 1:
        first, last = iso(begin), iso(failure["last"])
        now = f"since {last}, and still" if goes_on else f"from {last} to {iso(end)}"
        return f"{failure['times']} times, the first from {first} on, the last {now}"
    if goes_on:
        return f"since {iso(begin)}, and still" if end > begin else f"still at {iso(end)}"
    return f"{iso(begin)} to {iso(end)}" if end > begin else f"last at {iso(end)}"


def reason(document: Document) -> str:
    """The verdict in one line: how many criteria are met."""
    many, failed = len(document["criteria"]), sum(map(len, _names(document)))
    return f"{failed} of {many} criteria fail" if failed else f"all {many} criteria are met"


def _names(document: Document) -> list[list[str]]:
    return [failure["criteria"] for failure in document["failures"]]


def outlook(document: Document) -> str:
    """When a GO is possible; "" for a GO."""
    possible = document["go_possible"]
    if document["verdict"] == "GO":
        return ""
    if possible["at"] is not None:
        return (
            f"A GO is possible from {iso(math.ceil(possible['at']))} on, if nothing else happens."
        )
    if possible["needs"] == ["span"]:
        return "A period shorter than a day cannot say GO, whatever it holds."
    return (
        f"No date for a GO: time does not heal this. First mend: {' · '.join(possible['needs'])}."
    )
