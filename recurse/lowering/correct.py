"""The corrector of an arm at work: prepared once on the real sample, then applied to every pool."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime
from recurse.correctors import Corrector
from recurse.lowering import Numbers, Pools
from recurse.lowering.measure import runtime_arrays
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Streams
from recurse.scenario.scenario import Arm
from recurse.schedule import Pool, Row
from recurse.sources import Batch
from recurse.spec import BrokenKind

LAST = "last/"


class Correction:
    """Applies a corrector and records the share of samples that it touched."""

    def __init__(self, arm: Arm, streams: Streams, runtime: Runtime) -> None:
        self._corrector = arm.corrector
        self._source = arm.source
        self._streams = streams
        self._runtime = runtime
        self._prepared: dict[str, Array] = {}
        self._active = arm.corrector.kind != "none"

    def prepare(self, real: Batch) -> None:
        """Learn from the real sample."""
        learned = self._corrector.prepare(self._streams, self._source, real)
        # A resumed block has what was kept already, and it is newer than the real sample.
        kept = {f"{LAST}{name}": real[name] for name in self._corrector.keeps}
        self._prepared = runtime_arrays(self._runtime, {**kept, **learned}) | self._prepared

    def pack(self) -> dict[str, NDArray[Any]]:
        """What is kept between generations, on the host."""
        return {
            name: self._runtime.host(values)
            for name, values in self._prepared.items()
            if name.startswith(LAST)
        }

    def unpack(self, arrays: Host) -> None:
        """The inverse of ``pack``."""
        self._prepared = runtime_arrays(self._runtime, arrays)

    def screen(self, generation: int, purpose: str, n: int) -> Host:
        """Of real samples the field ``weight`` if samples are weighed at all, and ``mark`` (0)."""
        found, shape = {}, (len(self._streams.seeds), n)
        if self._corrector.weighs:
            weights = self._corrector.screen(self._streams, generation, purpose, n)
            found["weight"] = np.ones(shape) if weights is None else weights
        if self._corrector.marks:
            found["mark"] = np.zeros(shape)
        return found

    def candidates(self, n: int) -> int:
        """How many samples the corrector wants to see for ``n``."""
        return self._corrector.candidates(n)

    def adjust(
        self, params: Arrays, previous: Arrays | None, marked: Arrays | None = None
    ) -> Arrays:
        """The model that is kept of the one just fitted; ``marked``: statistics of marked data."""
        if type(self._corrector).adjust is Corrector.adjust:
            return params
        known = {**self._prepared, **{f"marked_{k}": v for k, v in (marked or {}).items()}}
        return self._corrector.adjust(self._call, dict(params), dict(previous or {}), known)

    def _call(self, method: str, *arguments: Any) -> Any:
        compiled = self._runtime.compile(getattr(type(self._corrector), method), (0, 1))
        return compiled(self._corrector, self._runtime.xp, *arguments)

    def correct(self, generation: int, batch: Arrays, n: int) -> tuple[Arrays, Numbers]:
        """The corrected batch, and the share touched as ``corrected_share``.

        Raises:
            BrokenKind: the corrector hands on fewer fields or another number of samples, or weights
                or marks that it has not announced.
        """
        if not self._active:
            return batch, {}
        drawn = self._corrector.draws(self._streams, self._source, generation, n)
        draws = runtime_arrays(self._runtime, drawn)
        corrected = self._runtime.compile(type(self._corrector).correct, (0, 1))
        changed, share = corrected(
            self._corrector, self._runtime.xp, dict(batch), self._prepared, draws
        )
        if ("weight" in changed) != self._corrector.weighs:
            raise BrokenKind(self._corrector, "does not say truly whether it weighs samples")
        if ("mark" in changed) != self._corrector.marks:
            raise BrokenKind(self._corrector, "does not say truly whether it marks samples")
        if missing := batch.keys() - changed.keys():
            text = f"does not hand on {', '.join(sorted(missing))}"
            raise BrokenKind(self._corrector, text)
        for name, field in changed.items():
            if field.shape[1] != n:
                text = f"hands on {field.shape[1]} samples ({name}), not {n}"
                raise BrokenKind(self._corrector, text)
        self._prepared |= {f"{LAST}{name}": changed[name] for name in self._corrector.keeps}
        values = np.asarray(self._runtime.host(share), dtype=np.float64)
        if values.shape != (replicates := len(self._streams.seeds),):
            text = f"records a share {list(values.shape)}, not one per replicate [{replicates}]"
            raise BrokenKind(self._corrector, text)
        return changed, {"corrected_share": values}


class WithKept:
    """Pools, and beside them in a checkpoint what the corrector keeps between generations."""

    def __init__(self, pools: Pools, correction: Correction) -> None:
        self._pools = pools
        self._correction = correction

    def add(self, pool: Pool, value: Any) -> None:
        self._pools.add(pool, value)

    def gather(self, row: Row) -> Any:
        return self._pools.gather(row)

    def forget(self, following: Row | None) -> None:
        self._pools.forget(following)

    def pack(self) -> dict[str, NDArray[Any]]:
        return {**self._pools.pack(), **self._correction.pack()}

    def unpack(self, arrays: Host) -> None:
        kept = {name: values for name, values in arrays.items() if name.startswith(LAST)}
        self._correction.unpack(kept)
        self._pools.unpack({k: values for k, values in arrays.items() if k not in kept})

    def resume(self, row: Row, following: Row) -> bool:
        return self._pools.resume(row, following)
