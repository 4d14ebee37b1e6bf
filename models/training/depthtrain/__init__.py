"""Training of depthcast's embedded streaming depth network."""
