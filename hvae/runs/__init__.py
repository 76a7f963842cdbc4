"""Run folders and what lies in them: configuration, weights, learning curve, tables."""
