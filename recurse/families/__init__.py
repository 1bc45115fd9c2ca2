"""Families: the kind of model that is refitted in every generation. One file per kind.

A closed-form family is written once against the array API, in float64, and runs on every backend. A
neural family is a spec here and one file in each backend that has it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from numpy.typing import NDArray

from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Draw, Given, Streams
from recurse.schedule import Row
from recurse.sources import Source
from recurse.spec import Kind

S = TypeVar("S", bound=Source)


class Family(Kind, Generic[S]):
    """A kind of model. ``needs`` names the fields of a batch that it is fitted on."""

    needs: ClassVar[tuple[str, ...]] = ()
    law: ClassVar[str] = ""
    """The law whose parameters it has, as sources name it; empty: its own kind's."""
    parameters: ClassVar[tuple[str, ...]] = ()
    """The names of its parameters, where samplers and metrics may rely on them."""
    quantities: ClassVar[tuple[str, ...]] = ()
    """What ``evaluate`` offers for held-out data: ``log_prob``, ``elbo``, ..."""

    def refusal(self, source: Source) -> str | None:
        """Why the family cannot model this source, or None."""
        absent = [name for name in self.needs if name not in source.fields]
        if not absent:
            return None
        return f"'{self.kind}' needs {absent}, source '{source.kind}' has {list(source.fields)}"

    def problems(self, source: S, row: Row, real: int) -> list[tuple[str, str, str]]:
        """Why a fit on this row cannot work: (path below the arm, code, message)."""
        return []

    def fields(self, source: S) -> dict[str, tuple[int, ...]]:
        """The fields of the batches that the family samples."""
        return {name: source.fields[name] for name in self.needs}


class Network(Family[S]):
    """A family that is trained by gradient steps: its other half is one file in each backend."""

    def initial(self, streams: Streams, generation: int, source: S) -> Host:
        """The weights that training from scratch starts from, ``[R, ...]`` each."""
        raise TypeError(f"{type(self).__name__} has no weights")

    def cost(self, source: S, size: int) -> tuple[int, float]:
        """Weights of one replicate, and arithmetic operations of one fit on ``size`` samples."""
        raise TypeError(f"{type(self).__name__} has no weights")


class Programs(Protocol):
    """A family's methods as compiled programs, for a fit that is more than one of them."""

    def __call__(self, method: str, *arguments: Any) -> Any:
        """Run a method; specs and counts among the arguments are constants of the program."""
        ...

    def repeat(self, step: str, until: str, state: Arrays) -> dict[str, Array]:
        """Run a method that maps a state to the next one until another one says that it is enough.

        One program where the backend can; the state is looked at before every step.
        """
        ...

    def put(self, values: NDArray[Any]) -> Array:
        """A NumPy array on the device."""
        ...

    def host(self, values: Array) -> NDArray[Any]:
        """An array of the device as NumPy; not to be written to."""
        ...


class Closed(Family[S]):
    """A family whose fit needs only sufficient statistics.

    ``xp`` is the array-API namespace; arrays have the replicate axis first. Statistics are dicts of
    arrays with an associative ``merge``; ``design`` is what all pools share (a reused design), or
    empty.
    """

    conditional: ClassVar[bool] = False
    """Whether the law of the statistics needs numbers drawn with the parameters: see ``given``."""
    pointwise: ClassVar[bool] = False
    """Whether a fit looks at every sample: its statistics are the samples, and nothing merges."""
    remembers: ClassVar[bool] = False
    """Whether sampling needs the samples that the model was fitted on."""

    def relabels(self, source: S) -> bool:
        """Whether pointwise fits need, of pools that share a design, sums over its labels only.

        ``label_sums`` then stands for ``statistics``, and a fit gets ``fixed`` with the sums.
        """
        return False

    def keeps_samples(self, source: S) -> bool:
        """Whether pools have to be kept as samples."""
        return self.pointwise and not self.relabels(source)

    def fixed(self, xp: Any, design: Arrays) -> dict[str, Array]:
        """What fits of a family that relabels need of the design; once per block."""
        return {}

    def label_sums(self, xp: Any, batch: Arrays, weights: Array, n: int) -> dict[str, Array]:
        """Sums over the samples of each of n inputs, of families that relabel: ``[R, n]``."""
        raise TypeError(f"{type(self).__name__} has no sums of labels")

    def together(self, source: S, size: int) -> int | None:
        """How many replicates are best fitted to ``size`` samples at a time, all by default: what a
        pointwise fit goes through many times is to stay near the processor."""
        return None

    def bound(self, source: S) -> Closed[S]:
        """The family with what it takes from the source, a number of symbols for one."""
        return self

    def numbers(self, source: S) -> int:
        """Numbers in the statistics of one replicate, for estimates of memory and time."""
        width = sum(math.prod(shape) for shape in self.fields(source).values())
        return width * (width + 2)

    def shared(self, source: S) -> tuple[str, ...]:
        """The fields of the real sample that every pool of a block reuses."""
        return ()

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        """Sufficient statistics of samples ``[R, n, ...]`` with weights ``[R, n]``."""
        raise TypeError(f"{type(self).__name__} has no statistics")

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        """The statistics of two sets of samples put together."""
        raise TypeError(f"{type(self).__name__} has no merge")

    def determined(self, xp: Any, statistics: Arrays) -> Arrays:
        """The statistics of samples, NaN where so few have a weight that there is no fit.

        Asked on the samples lowering only; a broken replicate is recorded, its neighbours run on.
        """
        return statistics

    def fit_noise(self, source: S) -> Mapping[str, Draw]:
        """What a fit needs beside its data, added to the statistics; most need nothing."""
        return {}

    def solve(self, call: Programs, statistics: Arrays) -> Arrays:
        """The fit, as one program or several."""
        params: Arrays = call("estimate", statistics)
        return params

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        """The fitted parameters."""
        raise TypeError(f"{type(self).__name__} has no estimate")

    def carry(self, xp: Any, params: Arrays, previous: Arrays) -> Arrays:
        """The fitted parameters and what they keep of the last ones (none in generation 0)."""
        return params

    def cost(self, source: S, size: int) -> tuple[int, float]:
        """Numbers that a fit on ``size`` samples needs beside them, and arithmetic operations."""
        return 0, 0.0

    def estimate_cost(self, source: S) -> float:
        """Arithmetic operations of drawing statistics and of estimating a model from them."""
        width = sum(math.prod(shape) for shape in self.fields(source).values())
        return 4.0 * width**3

    def density_cost(self, source: S, size: int) -> float:
        """Arithmetic operations of looking at one held-out point with a model that a fit on
        ``size`` samples made, or that many were added to."""
        return 0.0

    @property
    def additive(self) -> bool:
        """Whether what is known of earlier samples stays what it was when others are added."""
        return not self.pointwise

    def noise(self, source: S, n: int) -> Mapping[str, Draw]:
        """What ``sample`` needs for ``n`` samples of one replicate."""
        raise TypeError(f"{type(self).__name__} has no noise")

    def sample(
        self, xp: Any, source: S, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """Samples ``[R, n, ...]`` from the models."""
        raise TypeError(f"{type(self).__name__} cannot sample")

    def generate(
        self,
        call: Programs,
        source: S,
        params: Arrays,
        noise: Arrays,
        design: Arrays,
    ) -> Arrays:
        """What ``sample`` returns; ``call(method, ...)`` runs a method as a compiled program.

        For families that draw a sample step by step: one program for a step, not one for them all.
        """
        drawn: Arrays = call("sample", source, params, noise, design)
        return drawn

    def statistics_noise(self, source: S, n: int) -> Mapping[str, Draw]:
        """What ``sample_statistics`` needs for ``n`` samples of one replicate."""
        raise TypeError(f"{type(self).__name__} has no law of its statistics")

    def given(self, source: S, n: int, params: Host) -> Mapping[str, Given]:
        """Numbers for ``sample_statistics`` whose law depends on the parameters.

        Only asked of families with ``conditional``; the parameters are on the host.
        """
        return {}

    def given_samples(self, source: S, n: int, params: Host, inputs: Host) -> Mapping[str, Given]:
        """The same for ``sample``; ``inputs`` is its noise and design."""
        return {}

    def scale(self, xp: Any, statistics: Arrays, weight: float) -> dict[str, Array]:
        """The statistics of the same samples, each with ``weight``; sums are multiplied."""
        return {name: weight * values for name, values in statistics.items()}

    def sample_statistics(
        self, xp: Any, source: S, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """The statistics of ``n`` samples from the models, drawn from their exact law."""
        raise TypeError(f"{type(self).__name__} has no law of its statistics")

    def evaluate(self, xp: Any, source: S, params: Arrays, data: Arrays) -> Array:
        """Mean log-density of held-out data in nats per sample: ``[R]``."""
        raise TypeError(f"{type(self).__name__} has no density")

    def design(self, source: S, streams: Streams, real: int) -> Host:
        """What all pools of a block share; drawn once per block, for the statistics lowering."""
        return {}

    def refuses_statistics(self, source: S, row: Row) -> str | None:
        """Why this row has no exact law of the statistics, or None."""
        return None
