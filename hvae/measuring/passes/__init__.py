"""How a pass is laid out on a device: how many lanes, from which noise, prepared when."""
