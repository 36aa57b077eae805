"""The three 2D backbones: what they are, how their checkpoints are read, where they run."""
