"""The corrector of an arm at work: prepared once on the real sample, then applied to every pool."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime
from recurse.correctors import Prepared
from recurse.lowering import Numbers, Pools
from recurse.lowering.measure import runtime_arrays
from recurse.numerics.arrays import Array, Arrays, Batch, Fields, Host
from recurse.numerics.streams import Streams
from recurse.scenario.scenario import Arm
from recurse.schedule import Pool, Row
from recurse.spec import BrokenKind

_LAST = "last/"  # where a checkpoint holds what a corrector keeps


class Correction:
    """Applies a corrector and records the share of samples that it touched."""

    def __init__(self, arm: Arm, streams: Streams, runtime: Runtime) -> None:
        self._corrector = arm.corrector
        self._source = arm.source
        self._streams = streams
        self._runtime = runtime
        self._learned: dict[str, Array] = {}
        self._last: dict[str, Array] = {}
        self._active = arm.corrector.kind != "none"

    def prepare(self, real: Fields) -> None:
        """Learn from the real sample."""
        learned = self._corrector.prepare(self._streams, self._source, real)
        self._learned = runtime_arrays(self._runtime, learned)
        if not self._last:  # a resumed block has kept something newer
            kept = {name: real[name] for name in self._corrector.keeps}
            self._last = runtime_arrays(self._runtime, kept)

    def pack(self) -> Fields:
        """The fields that are kept between generations, on the host."""
        return {_LAST + name: self._runtime.host(values) for name, values in self._last.items()}

    def unpack(self, arrays: Host) -> None:
        """The inverse of ``pack``; other arrays are left alone."""
        kept = {k.removeprefix(_LAST): v for k, v in arrays.items() if k.startswith(_LAST)}
        self._last = runtime_arrays(self._runtime, kept)

    def screened(self, fields: Arrays, generation: int, purpose: str, n: int) -> Batch:
        """Real samples with the weights and marks (0) that synthetic ones will have, if any."""
        weight, mark, shape = None, None, (len(self._streams.seeds), n)
        if self._corrector.weighs:
            found = self._corrector.screen(self._streams, generation, purpose, n)
            weight = self._runtime.array(np.ones(shape) if found is None else found)
        if self._corrector.marks:
            mark = self._runtime.array(np.zeros(shape))
        return Batch(fields, weight, mark)

    def candidates(self, n: int) -> int:
        """The number of samples that the corrector wants to see for ``n``."""
        return self._corrector.candidates(n)

    def adjust(
        self, params: Arrays, previous: Arrays | None, marked: Arrays | None = None
    ) -> Arrays:
        """The model that is kept of the one just fitted; ``marked``: statistics of marked data."""
        known = Prepared(self._learned, self._last, dict(marked or {}))
        return self._corrector.adjust(self._call, dict(params), dict(previous or {}), known)

    def _call(self, method: str, *arguments: Any) -> Any:
        compiled = self._runtime.compile(getattr(type(self._corrector), method), (0, 1))
        return compiled(self._corrector, self._runtime.xp, *arguments)

    def correct(self, generation: int, fields: Arrays, n: int) -> tuple[Batch, Numbers]:
        """The corrected samples, and the share touched as ``corrected_share``.

        Raises:
            BrokenKind: the corrector hands on fewer fields or another number of samples, or weights
                or marks that it has not announced.
        """
        if not self._active:
            return Batch(fields), {}
        drawn = self._corrector.draws(self._streams, self._source, generation, n)
        draws = runtime_arrays(self._runtime, drawn)
        known = Prepared(self._learned, self._last, {})
        batch, share = self._call("correct", dict(fields), known, draws)
        values = np.asarray(self._runtime.host(share), dtype=np.float64)
        if text := self._broken(batch, fields, n) or self._broken_share(values):
            raise BrokenKind(self._corrector, text)
        self._last |= {name: batch.fields[name] for name in self._corrector.keeps}
        return batch, {"corrected_share": values}

    def _broken(self, batch: Batch, given: Arrays, n: int) -> str:
        """The fault of a batch that the corrector hands on; empty if it has none."""
        if not isinstance(batch, Batch):
            return f"hands on a {type(batch).__name__}, not a Batch"
        if (batch.weight is not None) != self._corrector.weighs:
            return "does not say truly if it weighs samples"
        if (batch.mark is not None) != self._corrector.marks:
            return "does not say truly if it marks samples"
        if missing := given.keys() - batch.fields.keys():
            return f"does not hand on {', '.join(sorted(missing))}"
        odd = {name: field.shape[1] for name, field in batch.fields.items() if field.shape[1] != n}
        return "".join(f"hands on {size} samples ({name}), not {n}" for name, size in odd.items())

    def _broken_share(self, values: NDArray[np.float64]) -> str:
        if values.shape == (replicates := len(self._streams.seeds),):
            return ""
        return f"records a share {list(values.shape)}, not one per replicate [{replicates}]"


class WithKept:
    """Pools, and beside them in a checkpoint the fields that the corrector keeps."""

    def __init__(self, pools: Pools, correction: Correction) -> None:
        self._pools = pools
        self._correction = correction

    def add(self, pool: Pool, value: Any) -> None:
        self._pools.add(pool, value)

    def gather(self, row: Row) -> Any:
        return self._pools.gather(row)

    def forget(self, following: Row | None) -> None:
        self._pools.forget(following)

    def pack(self) -> Fields:
        return {**self._pools.pack(), **self._correction.pack()}

    def unpack(self, arrays: Host) -> None:
        self._correction.unpack(arrays)
        self._pools.unpack({k: v for k, v in arrays.items() if not k.startswith(_LAST)})

    def resume(self, row: Row, following: Row) -> bool:
        return self._pools.resume(row, following)
