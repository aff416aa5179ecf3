"""Values that several programs share. No I/O, no clock."""
