"""The released checkpoints: fetched, checked, unpacked, and verified in their places."""
