"""What scripts/soak.py does: the whole group under supervisord, faults all the time, a verdict.

`oracle` says what the exchange sent, `group` is the service, `faults` and `chaos` break it,
`clients`, `reading` and `writing` use it meanwhile, `growth` watches its processes, `audit` its
comparisons, and `verdict` judges.
"""
