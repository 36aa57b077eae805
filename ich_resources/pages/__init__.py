"""Pages for people: one HTML file each, without any request, made from arrays and numbers."""
