"""The tools of every stage: array types, named streams of random numbers, counting."""
