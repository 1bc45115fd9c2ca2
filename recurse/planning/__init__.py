"""From a scenario to a frozen plan: refusals, estimates, widths, blocks; plans in words."""
