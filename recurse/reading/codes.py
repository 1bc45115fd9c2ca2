"""Every code of a problem: its rule, the way out, and an example where one can be shown.

An example is a few lines of a spec; put in place of those of the same keys in ``BASE``, the wrong
ones give just this problem and the right ones give none. Tests hold them to it.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """The meaning of a code."""

    rule: str
    mend: str
    wrong: str = ""
    right: str = ""


BASE = """\
version: 1
name: example
source: {kind: gaussian, dim: 2}
model: gaussian
policy: replace
samples: {real: 100, synthetic: 100}
generations: 10
seeds: 20
backend: torch
metrics: [mean_error]
"""

CODES: dict[str, Rule] = {
    "E001": Rule(
        "The file must exist and be readable.",
        "Give the path of a file, a folder of specs, or a name that 'recurse init --list' shows.",
    ),
    "E002": Rule("The file must be UTF-8 text.", "Save it again as UTF-8."),
    "E003": Rule(
        "Control characters and unusual line breaks must be written as escapes.",
        r'Write them between double quotes, as "\u0007".',
    ),
    "E004": Rule(
        "A file has at most 256 KiB.",
        "Keep data in a file of their own, named by a source, and sweeps in 'matrix'.",
    ),
    "E005": Rule("Values nest at most 32 levels deep.", "No part of a spec needs more than a few."),
    "E006": Rule(
        "A file has at most 20,000 values, counted after aliases are expanded.",
        "Keep data in a file of their own; write a range of seeds as one number.",
    ),
    "E007": Rule(
        "The file must be YAML.",
        "Look at the place named and just before it for a bracket or quote without its partner.",
        "seeds: [1, 2",
        "seeds: [1, 2]",
    ),
    "E008": Rule(
        "A key is given once in its mapping.",
        "Keep the one that is meant.",
        "seeds: 10\nseeds: 20",
        "seeds: 20",
    ),
    "E009": Rule(
        "YAML tags are not used.",
        "Leave the tag out: types follow from the fields.",
        "seeds: !!int 10",
        "seeds: 10",
    ),
    "E010": Rule(
        "A file is one YAML document.",
        "Put the other document into a file of its own.",
        "seeds: 10\n---\nseeds: 20",
        "seeds: 10",
    ),
    "E011": Rule(
        "An alias names an anchor that is complete before it; '<<' merges mappings.",
        "Write the value out, or put the anchor before its first use.",
        "samples: *usual",
        "samples: {real: 100, synthetic: 100}",
    ),
    "E012": Rule(
        "Keys are plain text.",
        "Put other keys into quotes.",
        "meta: {[1, 2]: a pair}",
        "meta: {'1, 2': a pair}",
    ),
    "E013": Rule(
        "Numbers are finite, and whole numbers fit in 64 bits.",
        "Give a number; leave a field out for its default.",
        "generations: .inf",
        "generations: 10",
    ),
    "E014": Rule("A text has at most 4,096 characters.", "Shorten it."),
    "E015": Rule(
        "The top level is a mapping of plain values.",
        "Begin each line with a key, such as 'version: 1', not with a dash.",
    ),
    "E016": Rule(
        "'extends' names other files by relative path, without a cycle.",
        "Name a file as seen from this one, such as 'extends: base.yaml'.",
    ),
    "E017": Rule(
        "'--set' takes PATH=VALUE with a path that can hold a value.",
        "Write it as '--set samples.real=200'.",
    ),
    "E101": Rule(
        "Keys are known; only 'meta' is free.",
        "Mend the spelling ('recurse kinds NAME' lists its fields), or move it to 'meta'.",
        "generation: 10",
        "generations: 10",
    ),
    "E102": Rule(
        "Required keys are given.",
        "Add the key; 'recurse kinds NAME' says what it means.",
        "policy: window",
        "policy: {kind: window, size: 3}",
    ),
    "E103": Rule(
        "The kind exists.",
        "Mend the spelling; 'recurse kinds' lists all of them.",
        "policy: repalce",
        "policy: replace",
    ),
    "E104": Rule(
        "The value has the expected type.", "Write it as named.", "seeds: many", "seeds: 100"
    ),
    "E105": Rule(
        "The number is within its bounds.",
        "Choose one that is; the message names the bound.",
        "generations: -1",
        "generations: 10",
    ),
    "E106": Rule(
        "The value is one of those allowed.",
        "Choose among those that the message lists.",
        "model: {kind: gaussian, estimator: best}",
        "model: {kind: gaussian, estimator: unbiased}",
    ),
    "E107": Rule(
        "The list or text has an allowed length.",
        "Add or remove entries; the message names the bound.",
        "metrics: []",
        "metrics: [mean_error]",
    ),
    "E108": Rule(
        "The text has the expected form.",
        "A name has letters, digits, dots, dashes and underscores.",
        "name: my example!",
        "name: my-example",
    ),
    "E109": Rule(
        "The values agree with each other.",
        "Change one of those that the message names.",
        "claims: [{kind: bounded_by, metric: mean_error}]",
        "claims: [{kind: bounded_by, metric: mean_error, value: 1.0}]",
    ),
    "E201": Rule(
        "The backend has the family.",
        "Choose a backend that the message lists; numpy has the closed-form families alone.",
        "source: digits\nmodel: vae\nbackend: numpy\nmetrics: [elbo]",
        "source: digits\nmodel: vae\nbackend: torch\nmetrics: [elbo]",
    ),
    "E202": Rule(
        "The metric can be computed for this source and family.",
        "Choose another metric, once each; 'recurse kinds --role metric' says what they need.",
        "metrics: [excess_risk]",
        "metrics: [mean_error]",
    ),
    "E203": Rule(
        "The corrector or sampler can serve this source and family.",
        "Choose another one, or leave it out; 'recurse kinds' says what each is for.",
        "sampler: {kind: temperature, value: 0.5}",
        "sampler: {kind: bias, lambda: 0.9}",
    ),
    "E204": Rule(
        "The counts make sense.",
        "Give as many samples, or numbers, as the message asks for.",
        "samples: {real: 1, synthetic: 1}",
        "samples: {real: 100, synthetic: 100}",
    ),
    "E205": Rule(
        "The schedule asks only for data that exist.",
        "Ask for less, or give more real samples.",
        "policy: {kind: accumulate_subsample, budget: 500}",
        "policy: {kind: accumulate_subsample, budget: 100}",
    ),
    "E206": Rule(
        "The run fits into memory.",
        "Fewer samples or dimensions; 'recurse plan' says what one replicate needs.",
    ),
    "E207": Rule(
        "The backend exists and is installed.",
        "'recurse doctor' lists the backends, and how to install one that is absent.",
        "backend: tensorflow",
        "backend: torch",
    ),
    "E208": Rule(
        "The source's data file exists and is readable.",
        "Paths are relative to the working directory; say where the file is from there.",
        "source: {kind: table, path: no-such-file.csv}",
    ),
    "E209": Rule(
        "A claim names arms and metrics that exist.",
        "Select by values that the matrix has; measure what is claimed.",
        "claims: [{kind: grows, metric: mean_error, where: {policy: window}}]",
        "claims: [{kind: grows, metric: mean_error, where: {policy: replace}}]",
    ),
    "E210": Rule(
        "The number of cells is within the limit.",
        "Fewer seeds, or a shorter matrix: arms times seeds are the cells.",
        "seeds: 1000000\nmatrix: {policy: [replace, accumulate]}",
        "seeds: 1000\nmatrix: {policy: [replace, accumulate]}",
    ),
    "E211": Rule(
        "The family can model the source, and be fitted as asked.",
        "Choose another family, source or start; 'recurse kinds NAME' says what each is for.",
        "start: warm",
        "start: scratch",
    ),
    "E212": Rule(
        "The matrix has axes that exist, with values for each, every arm once.",
        "An axis is the path of a field, such as 'samples.real', with a list of its values.",
        "matrix: {policies: [replace, accumulate]}",
        "matrix: {policy: [replace, accumulate]}",
    ),
    "E213": Rule(
        "The rows of an installed policy use pools that are there.",
        "Tell the policy's author: a pool that one row does not use is gone for later ones.",
    ),
    "E214": Rule(
        "An installed kind does what its role promises.",
        "Tell the author of the package that the message names, or leave the kind out.",
    ),
    "E303": Rule(
        "A selection matches something.",
        "'recurse plan SPEC' shows the labels of the arms; --select takes PATH=VALUE of them.",
    ),
}
"""Code -> its rule. E0 the file, E1 structure and types, E2 what a run needs, E3 selections."""
