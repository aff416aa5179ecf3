"""Why there is no report."""


class NoReport(Exception):
    """A report cannot be made; the text is the sentence to print."""
