"""What watches live operation from outside, and tells people: a process of its own."""
