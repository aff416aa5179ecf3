"""One package per exchange: addresses, bytes → values, REST requests and replies. Pure."""
