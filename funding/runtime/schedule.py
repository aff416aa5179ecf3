"""What is due every so many seconds. No clock of its own: `now` is handed in."""


class Every:
    """Due at once, then every `seconds`; with `first`, for the first time at that instant.

    What comes late is made up for once, not as often as it was missed.
    """

    def __init__(self, seconds: float, *, first: float = float("-inf")) -> None:
        self.seconds = seconds
        self._at = first

    def due(self, now: float) -> bool:
        """Whether it is due at `now`; if so the next time is `seconds` later."""
        if now < self._at:
            return False
        self._at = now + self.seconds
        return True

    def hasten(self, at: float) -> None:
        """Let it be due at `at` already, unless it is due earlier."""
        self._at = min(self._at, at)
