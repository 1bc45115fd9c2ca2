"""From strict YAML to plain data with positions, and from errors to problems in words."""
