"""What a user would run instead, each as a program of its own in var/bench-venv."""
