"""The part of the watchdog that runs inside supervisord."""
