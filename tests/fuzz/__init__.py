"""What comes from outside, damaged in every way: only documented errors may come out."""
