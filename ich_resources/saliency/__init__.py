"""Saliency maps: one map per slice shows how much each pixel influenced a logit."""
