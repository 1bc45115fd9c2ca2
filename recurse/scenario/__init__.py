"""The content of a file: the root model, its matrix of arms, and the identity of each cell."""
