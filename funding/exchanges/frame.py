"""What every exchange's decoder returns. No I/O, no clock.

Each exchange's `stream` module has `NAME` and `decode(payload)`, which returns a `Frame`.
"""

from collections import Counter
from dataclasses import dataclass, field

from funding.model.quote import Quote


@dataclass(slots=True)
class Frame:
    """The content of one WebSocket message.

    `quotes` are its good rows in the order sent; `event_time` is their median event time in ms
    (0 without rows). `rejected` counts bad rows by reason and `samples` shows the first of each;
    `ignored` counts what is not a quote at all, by what it is. `notice` is a sentence where the
    exchange said something about the connection; `ending` is True where it announced its end.
    """

    quotes: list[Quote]
    event_time: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    ending: bool = False
