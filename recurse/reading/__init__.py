"""From strict YAML to plain data with positions, and from what is wrong to problems in words."""
