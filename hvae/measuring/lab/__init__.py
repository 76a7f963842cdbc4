"""What an image becomes, and what the bounds and scores say of it, when one of its latents is another."""
