"""The latent lab: one latent of an image is another, and the image, its bounds and its scores answer."""
