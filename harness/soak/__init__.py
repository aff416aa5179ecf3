"""What scripts/soak.py does: the whole group under supervisord, faults all the time, a verdict.

`oracle` says what the exchange sent. `fault_courses`, `catalogue` and `chaos` break the service,
while `clients`, `database_reader` and `comparison_writer` use it. `slopes` watches its processes,
`audit` its comparisons, and `verdict` judges.
"""
