"""The released checkpoints: fetched, checked, unpacked, and verified where they lie."""
