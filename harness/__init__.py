"""What runs the service against a stand-in exchange: demo, benchmark, soak and fuzz."""
