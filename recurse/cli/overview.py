"""The content of a store, scenario by scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurse.store.reader import Store

SHORT = 12  # characters of a cell's id on screen


@dataclass(frozen=True)
class Row:
    """A scenario: its cells by state, its claims, its last run."""

    scenario: str
    title: str
    arms: int
    seeds: int
    backends: str
    cells: int
    complete: int
    partial: int
    failed: int
    holding: int
    claims: int
    last: str
    started: str
    command: str
    reasons: tuple[tuple[int, int, str], ...]
    """(cells, last good generation, reason) of those that failed."""

    @property
    def claims_text(self) -> str:
        """The number of claims that hold."""
        return f"{self.holding} of {self.claims} hold" if self.claims else "-"

    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def scenarios(store: Store) -> list[Row]:
    """A row per scenario, by name."""
    return [_row(store, name) for name in store.scenarios()]


def cells(store: Store, scenario: str) -> list[tuple[Any, ...]]:
    """(id, arm, backend, seed, status, generations) of every cell of a scenario.

    Raises:
        StoreMissing: the store has no such scenario.
    """
    store.scenario(scenario)
    rows = store.cells(scenario).to_dicts()
    return [
        (
            row["cell"][:SHORT],
            row["arm"],
            row["backend"],
            row["seed"],
            row["status"],
            f"{row['done'] + 1} of {row['generations'] + 1}",
        )
        for row in rows
    ]


def _row(store: Store, name: str) -> Row:
    held = store.cells(name).to_dicts()
    states = Counter(row["status"] for row in held)
    verdicts = _verdicts(store.claims(name).to_dicts())
    runs = store.runs(name).to_dicts()
    last: Mapping[str, Any] = runs[-1] if runs else {}
    broken = Counter((row["done"], row["reason"]) for row in held if row["status"] == "failed")
    return Row(
        scenario=name,
        title=str(store.scenario(name)["title"] or ""),
        arms=len({(row["arm"], row["backend"]) for row in held}),
        seeds=len({row["seed"] for row in held}),
        backends=", ".join(sorted({row["backend"] for row in held})),
        cells=len(held),
        complete=states["complete"],
        partial=states["partial"],
        failed=states["failed"],
        holding=sum(verdicts.values()),
        claims=len(verdicts),
        last=str(last.get("status", "-")),
        started=f"{last['started']:%Y-%m-%d %H:%M}" if last else "-",
        command=str(last.get("command") or f"recurse run {name}"),
        reasons=tuple((number, done, str(why)) for (done, why), number in sorted(broken.items())),
    )


def _verdicts(claims: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """Claim -> True if it holds for every arm."""
    found: dict[str, bool] = {}
    for row in claims:
        found[row["claim"]] = found.get(row["claim"], True) and row["holds"] is True
    return found
