"""Labels, and the slices that have them: what networks are trained with and judged by."""
