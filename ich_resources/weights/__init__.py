"""Download, check and unpack the released checkpoints, and verify the files of the model folder."""
