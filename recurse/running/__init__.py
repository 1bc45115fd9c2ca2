"""The functions that the command line and Python call: run, judge, probe, check."""
