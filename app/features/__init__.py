"""The Features page: what two runs see alike."""
