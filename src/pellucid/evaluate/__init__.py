"""Scoring predictions against truth, from any estimator."""
