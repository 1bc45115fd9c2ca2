"""What every stage computes with: array types, named streams of random numbers, counting."""
