"""Pages as Markdown with their figures and pictures in a folder beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recurse_reports import svg
from recurse_reports.blocks import (
    Block,
    Code,
    Data,
    Figure,
    Gallery,
    Listing,
    Picture,
    Prose,
    Table,
)
from recurse_reports.page import Page
from recurse_reports.words import Strong

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def page(page: Page) -> str:
    """One scenario; refers to `files` by ``SLUG/NAME``."""
    cite = "".join(
        f"[{escaped(text)}](https://arxiv.org/abs/{number})" if number else _spaced(text)
        for text, number in page.cited
    )
    name = escaped(page.name) + (f" · {cite}" if cite else "")
    parts = [f"# {escaped(page.heading)}", name]
    if page.claim:
        parts.append(f"*{escaped(page.claim)}*")
    for section in page.sections:
        parts.append(f"## {escaped(section.title)}")
        parts += [_block(block, page) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def index(pages: Sequence[Page]) -> str:
    """A page that names every scenario with its answer and first figure."""
    parts = ["# Results", "Made by `make gallery` from the store alone."]
    for page in pages:
        state = f" ({escaped(page.state)})" if page.state else ""
        parts.append(f"## [{escaped(page.heading)}]({page.slug}.md)")
        parts.append((escaped(page.answer) + state).strip())
        first = next((b for s in page.sections for b in s.blocks if isinstance(b, Figure)), None)
        if first is not None:
            parts.append(f"[{_image(first.title, page, first.name, 'svg')}]({page.slug}.md)")
    return "\n\n".join(part for part in parts if part) + "\n"


def files(page: Page) -> dict[str, bytes]:
    """The figures and pictures of a page by file name."""
    found: dict[str, bytes] = {}
    for block in (block for section in page.sections for block in section.blocks):
        if isinstance(block, Figure):
            found[f"{block.name}.svg"] = svg.standalone(page.draw(block))
        if isinstance(block, Gallery):
            for name, (_, pictures) in _strips(block):
                for place, picture in enumerate(pictures):
                    if picture is not None:
                        found[f"{name}-{place}.png"] = picture.png
    return found


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    plain = re.sub(r"[&<>]", lambda m: _ENTITIES[m.group()], " ".join(text.split()))
    return _SPECIAL.sub(r"\\\1", plain)


def _block(block: Block, page: Page) -> str:
    if isinstance(block, Prose):
        parts = (f"**{escaped(p)}**" if isinstance(p, Strong) else _spaced(p) for p in block.parts)
        text = "".join(parts)
        return f"> {text}" if block.role == "warning" else text
    if isinstance(block, Table):
        return _folded(block.folded, _table(block)) if block.folded else _table(block)
    if isinstance(block, Figure):
        image = _image(block.title, page, block.name, "svg")
        return "\n\n".join([image, escaped(block.caption), _data(block.data)])
    if isinstance(block, Gallery):
        return _gallery(block, page)
    if isinstance(block, Listing):
        return "\n".join(f"- {escaped(about)}: {escaped(text)}" for about, text in block.items)
    return _code(block)


def _spaced(text: str) -> str:
    """Escaped, with the blanks at its ends."""
    start = " " if text[:1].isspace() else ""
    end = " " if text[-1:].isspace() and text.strip() else ""
    return f"{start}{escaped(text)}{end}"


def _code(block: Code) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", block.text)), default=0))
    text = f"{fence}\n{block.text.strip()}\n{fence}"
    return _folded(block.summary, text) if block.summary else text


def _table(table: Table) -> str:
    head = [escaped(name) for name in table.head]
    rules = ["---:" if place in table.figures else "---" for place in range(len(head))]
    bad = {text for text, tone in table.tones.items() if tone == "bad"}
    rows = [
        [f"**{escaped(cell)}**" if cell in bad else escaped(cell) for cell in row]
        for row in table.rows
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, rules, *rows)]
    return f"{escaped(table.caption)}\n\n" + "\n".join(lines)


def _gallery(gallery: Gallery, page: Page) -> str:
    lines = ["| | " + " | ".join(map(escaped, gallery.columns)) + " |"]
    lines.append("|---|" + "---|" * len(gallery.columns))
    for name, (title, pictures) in _strips(gallery):
        cells = [
            _image(p.alt, page, f"{name}-{place}", "png", p.width * max(1, 190 // p.width))
            if p
            else ""
            for place, p in enumerate(pictures)
        ]
        lines.append(f"| {escaped(title)} | " + " | ".join(cells) + " |")
    text = "\n".join(lines)
    return "\n\n".join(
        [f"**{escaped(gallery.title)}**", text, escaped(gallery.caption), _data(gallery.data)]
    )


def _strips(gallery: Gallery) -> list[tuple[str, tuple[str, Sequence[Picture | None]]]]:
    return [
        (f"{gallery.name}-{title.replace(' ', '-')}", (title, pictures))
        for title, pictures in gallery.rows
    ]


def _image(alt: str, page: Page, name: str, suffix: str, width: int = 0) -> str:
    if not width:
        return f"![{escaped(alt)}]({page.slug}/{name}.{suffix})"
    quoted = escaped(alt).replace('"', "&quot;")
    return f'<img src="{page.slug}/{name}.{suffix}" width="{width}" alt="{quoted}">'


def _data(data: Data) -> str:
    return _folded("Data", _table(data.table))


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{escaped(summary)}</summary>\n\n{text}\n\n</details>"
