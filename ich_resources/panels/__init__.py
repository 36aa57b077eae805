"""Pictures of the results: one panel per slice, two small pictures per series."""
