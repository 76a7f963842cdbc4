"""Train: a folder of one's own becomes a model that can judge, without a terminal."""
