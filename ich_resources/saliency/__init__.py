"""Which pixels drove a logit: one map per slice."""
