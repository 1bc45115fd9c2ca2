"""Engines run the blocks of a plan on processes of this or other machines."""
