"""Everything that touches a wire: bus threads in C, and what happens outside the loop in Python."""
