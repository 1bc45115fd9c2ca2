"""What a file asks: the root model, its matrix of arms, and the identity of each cell."""
