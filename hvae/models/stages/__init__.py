"""Stages of a hierarchy: one deterministic stack and one latent variable each, in both walks."""
