"""The parts of `scripts/validate_report.py`: Python's standard library only, nothing of funding/.

    rules → read (database → facts) → criteria (facts → verdict) → render (document → text, HTML)

What counts as a difference is written here a second time on purpose: a report that shares its
rules with the program it judges finds none of that program's mistakes.
"""
