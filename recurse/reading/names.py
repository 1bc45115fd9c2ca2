"""Texts of others: the rule for names that become files, and the characters kept from terminals."""

from __future__ import annotations

import re

PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$"
"""A name of a scenario: it may be the name of a file on any system, and no option of a command."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def refusal(name: str) -> str | None:
    """The reason why a name cannot be a file's, as the end of a sentence; None if it can."""
    if not re.fullmatch(PATTERN, name):
        return (
            f"{name!a} is not made of 1 to 64 letters, digits, '.', '_' and '-', "
            "or begins with '.' or '-'"
        )
    if name.endswith("."):
        return f"'{name}' ends in a dot"
    if _DEVICES.fullmatch(name):
        return f"'{name}' is that of a device on Windows"
    return None


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and those that change the direction of text."""
_COLOURS = re.compile("(\x1b\\[(?:[0-2]|3[0-7])m)")


def visible(text: str, colours: bool = False) -> str:
    """The text with control characters and changes of direction written out, as ``\\x1b``.

    ``colours``: leave the sequences for plain colours, bold and dim as they are.
    """
    if not colours:
        return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)
    parts = _COLOURS.split(text)
    return "".join(part if place % 2 else visible(part) for place, part in enumerate(parts))
