"""The parts of `scripts/validate_report.py`: Python standard library only, nothing of funding/.

    database → facts (tracks, tally) → criteria → document → text | page

What counts as a difference is written here a second time on purpose: a report that shares its
ruler with the program it measures finds none of that program's mistakes.
"""
