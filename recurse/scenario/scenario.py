"""A scenario: one file, one question. Its matrix is expanded into arms, each validated in full."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr

from recurse.backend import backends
from recurse.bundled import folder
from recurse.claims import Claim
from recurse.correctors import Corrector
from recurse.correctors.none import NoCorrector
from recurse.families import Family
from recurse.metrics import Metric
from recurse.policies import Policy
from recurse.reading import names
from recurse.reading.document import Document
from recurse.reading.layers import made, normalise, read
from recurse.reading.problems import Problem, Problems
from recurse.samplers import Sampler
from recurse.samplers.none import NoSampler
from recurse.scenario.matrix import Combination, expand
from recurse.schedule import Schedule
from recurse.sources import Source
from recurse.spec import Spec, union

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
if TYPE_CHECKING:  # a checker sees the base of each role, pydantic the union of its kinds
    SourceSpec: TypeAlias = Source
    ModelSpec: TypeAlias = Family[Any]
    PolicySpec: TypeAlias = Policy
    SamplerSpec: TypeAlias = Sampler
    CorrectorSpec: TypeAlias = Corrector
    MetricSpec: TypeAlias = Metric
    ClaimSpec: TypeAlias = Claim
else:
    SourceSpec = union("source")
    ModelSpec = union("model")
    PolicySpec = union("policy")
    SamplerSpec = union("sampler")
    CorrectorSpec = union("corrector")
    MetricSpec = union("metric")
    ClaimSpec = union("claim")
Metrics = Annotated[tuple[MetricSpec, ...], Field(min_length=1)]
Backend = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Start = Literal["scratch", "warm"]
Generations = Annotated[int, Field(ge=0, le=100_000)]


def _filed(name: str) -> str:
    if (reason := names.refusal(name)) is not None:
        raise ValueError(f"the name {reason}")
    return name


class Samples(Spec):
    """The number of samples of each kind of pool."""

    real: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """The fixed initial sample."""
    synthetic: Count
    """Drawn from the last model in every generation."""
    fresh: Count = 0
    """New real samples in every generation."""


class Arm(Spec):
    """One combination of the matrix: all that determines its cells' numbers, except the seed."""

    source: SourceSpec
    model: ModelSpec
    policy: PolicySpec
    sampler: SamplerSpec = NoSampler()
    corrector: CorrectorSpec = NoCorrector()
    samples: Samples
    start: Start = "scratch"
    backend: Backend
    generations: Generations
    metrics: Metrics

    @property
    def schedule(self) -> Schedule:
        """The training data of each generation."""
        n = self.samples
        return Schedule(self.policy, n.real, n.synthetic, n.fresh, self.generations)

    def data(self) -> dict[str, Any]:
        """The arm as plain data, defaults filled in."""
        found: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        return found


@dataclass(frozen=True)
class LabelledArm:
    """An arm with its name in the scenario and the places of its values in the file."""

    label: str
    arm: Arm
    axes: Mapping[str, str] = field(default_factory=dict)
    """Dotted path of an axis -> the name of its value, as in the label; the backend has none."""
    origin: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    """Dotted path of an axis -> the place of its value in the file."""

    def locate(self, path: Sequence[str | int]) -> tuple[str | int, ...]:
        """The place in the file of a path of the arm."""
        for axis, place in self.origin.items():
            parts = tuple(axis.split("."))
            if tuple(path[: len(parts)]) == parts:
                return (*place, *path[len(parts) :])
        return tuple(path)


class Scenario(Spec):
    """A scenario file. Every field of an arm may instead be an axis of ``matrix``."""

    schema_: str = Field(default="", alias="$schema", exclude=True)
    version: Literal[1]
    """The version of the file format."""
    name: Annotated[str, Field(pattern=names.PATTERN), AfterValidator(_filed)]
    title: Annotated[str, Field(max_length=4096)] = ""
    """The result that the scenario shows, in one line."""
    question: Annotated[str, Field(max_length=4096)] = ""
    """The question that the report answers."""
    cite: Annotated[str, Field(max_length=4096)] = ""
    """The paper, for example ``arXiv:2404.01413``."""
    published: Annotated[str, Field(max_length=4096)] = ""
    """A published statement that is wrong or an artefact, in a sentence; the report's claims open
    with it."""
    extends: str | tuple[str, ...] = Field(default=(), exclude=True)
    """Files whose values this one starts from."""
    source: SourceSpec | None = None
    """The source of real data."""
    model: ModelSpec | None = None
    """The family that is refitted in every generation."""
    policy: PolicySpec | None = None
    """The rule for the data that each generation is trained on."""
    sampler: SamplerSpec | None = None
    """The way in which synthetic data are drawn from a model, if not from its own law."""
    corrector: CorrectorSpec | None = None
    """The change made to synthetic data before the next fit."""
    samples: Samples | None = None
    start: Start = "scratch"
    """Fit each generation from new initial weights, or ``warm`` from the last model."""
    generations: Generations | None = None
    """Fits after generation 0, which sees real data only."""
    seeds: (
        Annotated[int, Field(ge=1, le=1_000_000)] | Annotated[tuple[Seed, ...], Field(min_length=1)]
    )
    """Independent repetitions: a number n for seeds 0..n-1, or the seeds themselves."""
    backend: Backend | None = None
    """The library that computes: torch, jax, numpy or an installed plugin."""
    metrics: Metrics | None = None
    matrix: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Axes (dotted path -> values), then ``exclude``, then ``include``, as in GitHub Actions."""
    claims: tuple[ClaimSpec, ...] = ()
    """Statements that the run checks."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """Free; ignored by recurse."""

    _arms: tuple[LabelledArm, ...] = PrivateAttr(default=())
    _document: Document | None = PrivateAttr(default=None)
    _accepted: bool = PrivateAttr(default=False)

    @property
    def arms(self) -> tuple[LabelledArm, ...]:
        """The combinations of the matrix, in order."""
        return self._arms

    @property
    def document(self) -> Document | None:
        """The file behind the scenario, for positions."""
        return self._document

    @property
    def accepted(self) -> bool:
        """True if a plan of the scenario was checked in full and nothing was refused."""
        return self._accepted

    def accept(self) -> None:
        """Note that there is nothing to refuse, so that the check is made once."""
        self._accepted = True

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds themselves."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else tuple(self.seeds)

    @property
    def folder(self) -> Path | None:
        """The folder of the file, where relative names start."""
        return Path(self._document.file).parent if self._document else None

    def problem(
        self, code: str, message: str, path: Sequence[str | int] = (), key: bool = False
    ) -> Problem:
        """A problem at a place of the file, or with its ``key``."""
        return (self._document or Document({})).problem(code, tuple(path), message, key=key)


ARM_FIELDS = tuple(Arm.model_fields)


def load(spec: str | Path | Mapping[str, Any], sets: Sequence[str] = ()) -> Scenario:
    """Read, expand and check a scenario.

    Args:
        spec: a file, the name of a shipped spec, or the content of one as a mapping.
        sets: overrides, ``path=value`` each.

    Raises:
        Problems: everything that is wrong, each with its position.
    """
    if isinstance(spec, str) and spec == Path(spec).name and not Path(spec).exists():
        shipped = folder() / f"{spec}.yaml"
        spec = shipped if shipped.is_file() else spec
    document = normalise(Scenario, read(spec, sets))
    parts: dict[Any, BaseModel] = {}
    scenario = made(Scenario, document, parts)
    scenario._document = document
    _refuse_axes(scenario, sets)
    found: list[LabelledArm] = []
    problems: list[Problem] = []
    for combination in expand(scenario.matrix, document, ARM_FIELDS, len(scenario.seed_list)):
        try:
            arm = made(Arm, _placed(document, combination), parts)
        except Problems as raised:
            problems.extend(raised.problems)
        else:
            label = combination.label or arm.policy.kind
            found.append(LabelledArm(label, arm, combination.axes, combination.origin))
    problems = [_with_backends(problem) for problem in problems]
    problems = problems or [*_same_seeds(scenario), *_same_arms(scenario, found)]
    if problems:
        raise Problems(problems)
    scenario._arms = tuple(found)
    return scenario


def _placed(document: Document, combination: Combination) -> Document:
    """The data of one arm, each value of an axis at its place."""
    placed = document
    for axis, origin in combination.origin.items():
        placed = placed.graft(tuple(axis.split(".")), origin)
    data = {key: value for key, value in placed.data.items() if key in ARM_FIELDS}
    touched = dict.fromkeys(axis.split(".")[0] for axis in combination.origin)
    return normalise(Arm, replace(placed, data=data), touched)


def _with_backends(problem: Problem) -> Problem:
    """The problem; its hint names the installed backends if the backend is what is missing."""
    if (problem.code, problem.path) != ("E102", "backend"):
        return problem
    found = backends()
    here = [name for name, backend in found.items() if backend.missing() is None]
    here.sort(key=lambda name: len(found[name].requires))  # the one that needs least, first
    rest = [name for name in found if name not in here]
    hint = f"write 'backend: {here[0]}'; there are {', '.join(here)}" if here else ""
    if rest:
        hint += f"; not installed: {', '.join(rest)}"
    return replace(problem, hint=hint)


def _refuse_axes(scenario: Scenario, sets: Sequence[str]) -> None:
    """Refuse an override of a field that the matrix sets: it would change nothing."""
    problems = []
    for text in sets:
        path, _, value = text.partition("=")
        above = (axis for axis in scenario.matrix if f"{path}.".startswith(f"{axis}."))
        if (axis := next(above, None)) is not None:
            hint = f"write --set 'matrix.{axis}=[{value if axis == path else '...'}]'"
            said = f"'{axis}' is an axis of the matrix, which has its own values"
            problems.append(Problem("E017", said, path, hint, f"--set {text}"))
    if problems:
        raise Problems(problems)


def _same_seeds(scenario: Scenario) -> Iterator[Problem]:
    """A problem for each seed that is given twice: the same seed is no second repetition."""
    given = () if isinstance(scenario.seeds, int) else scenario.seeds
    for place, _ in _repeats(given):
        text = f"seed {given[place]} is given twice"
        yield scenario.problem("E109", text, ("seeds", place))


def _same_arms(scenario: Scenario, arms: Sequence[LabelledArm]) -> list[Problem]:
    """A problem for each arm that equals another or shares its label, where the two differ."""
    found: dict[tuple[str | int, ...], Problem] = {}
    equal = _repeats(each.arm for each in arms)
    namesakes = _repeats((each.label, each.arm.backend) for each in arms)
    again = "makes the arm '{}' again; its seeds would count twice"
    mixed = "'{}' would name two arms; their results would be mixed"
    for pairs, words in ((equal, again), (namesakes, mixed)):
        for place, first in pairs:
            before = arms[first].origin.values()
            after = (at for at in arms[place].origin.values() if at not in before)
            second = next(after, ("matrix",))
            problem = scenario.problem("E212", words.format(arms[first].label), second)
            found.setdefault(second, problem)
    return list(found.values())


def _repeats(keys: Iterable[Hashable]) -> list[tuple[int, int]]:
    """The places of repeated keys, each with the place of the key's first use."""
    first: dict[Hashable, int] = {}
    numbered = ((place, first.setdefault(key, place)) for place, key in enumerate(keys))
    return [(place, before) for place, before in numbered if place != before]
