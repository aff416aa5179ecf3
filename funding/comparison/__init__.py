"""The stream against REST: two values in, one comparison out; many in, one summary out."""
