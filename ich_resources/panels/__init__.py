"""Pictures of what the networks say: one panel per slice, two small pictures per series."""
