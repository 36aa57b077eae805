"""Network inputs in, fold probabilities out."""
