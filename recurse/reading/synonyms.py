"""Names that people know from elsewhere, and the words of a spec for them."""

from __future__ import annotations

from collections.abc import Sequence

_CALLED = {
    # metrics
    "fid": "frechet",
    "frechet_distance": "frechet",
    "fd": "frechet",
    "wasserstein": "w2",
    "w2_squared": "w2",
    "perplexity": "test_nll",
    "ppl": "test_nll",
    "nll": "test_nll",
    "log_likelihood": "test_nll",
    "cross_entropy": "test_nll",
    "loss": "test_nll",
    "mse": "excess_risk",
    "risk": "excess_risk",
    "test_error": "excess_risk",
    "tv": "total_variation",
    "variance": "variance_ratio",
    "coverage": "mode_coverage",
    "modes": "mode_coverage",
    "kl": "mode_kl",
    "vocabulary": "unique",
    "distinct": "unique",
    # families
    "normal": "gaussian",
    "mixture_model": "gmm",
    "gaussian_mixture": "gmm",
    "ols": "linear",
    "least_squares": "linear",
    "linear_model": "linear",
    "ridge": "linear",
    "multinomial": "categorical",
    "bigram": "ngram",
    "markov_chain": "ngram",
    "autoencoder": "vae",
    # sources
    "csv": "table",
    "parquet": "table",
    "mnist": "digits",
    # policies
    "augment": "accumulate",
    "append": "accumulate",
    "fully_synthetic": "replace",
    "mixed": "mix",
    "synthetic_augmentation": "mix",
    "sliding_window": "window",
    # correctors
    "filter": "verifier",
    "watermarking": "watermark",
}


def called(name: str, known: Sequence[str]) -> str:
    """The word of a spec for a name from elsewhere, if it is among the known names; else ''."""
    here = _CALLED.get(name.casefold().replace("-", "_").replace(" ", "_"), "")
    return here if here in known else ""
