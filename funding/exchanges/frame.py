"""What every exchange's decoder returns. No I/O, no clock."""

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

    `welcome` is True where the exchange says that it is ready for subscriptions; `acknowledged` are
    the topics whose subscription it confirms. `symbol_class` says which class of symbols the frame
    is of, where the exchange's decoder knows; None where it is learned from what arrives together.
    `beside` has quotes of another exchange that came in the same message.
    """

    quotes: list[Quote]
    event_time: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    ending: bool = False
    welcome: bool = False
    acknowledged: tuple[str, ...] = ()
    symbol_class: int | None = None
    beside: "Frame | None" = None

    def reject(self, reason: str, sample: str) -> None:
        """Count a bad row by `reason`; the first `sample` of each is kept, cut to a line."""
        self.rejected[reason] += 1
        self.samples.setdefault(reason, f"{reason}: {sample}"[:300])


def ignored(what: str) -> Frame:
    """The frame of a message that is no quote; `what` it is."""
    return Frame([], ignored=Counter({what: 1}))


def notice(what: str, words: str) -> Frame:
    """The frame of a message in which the exchange says something about the connection."""
    return Frame([], ignored=Counter({what: 1}), notice=f"the exchange says: {words}"[:300])
