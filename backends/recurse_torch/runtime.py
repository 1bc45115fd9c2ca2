"""PyTorch started in this process: one device, one thread, no global generator."""

from __future__ import annotations

import os

# Without it MKL's products depend on the alignment of their arguments: on a replicate's place in a
# block. Read at MKL's first use; measured to cost nothing.
os.environ.setdefault("MKL_CBWR", "AUTO")

from collections.abc import Callable
from functools import cache
from typing import Any

import array_api_compat.torch as xp
import numpy as np
import torch
from numpy.typing import NDArray

from recurse.numerics.arrays import Array


class TorchRuntime:
    """Arrays of the backend are ``torch.Tensor``, on CUDA where there is a device."""

    xp: Any = xp

    def __init__(self) -> None:
        # cuBLAS may sum in another order from run to run unless it is told its workspace.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.set_num_threads(1)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.type != "cpu":
            torch.set_default_device(self.device)

    def array(self, values: NDArray[Any]) -> Array:
        # torch warns of arrays it could write to by mistake, and cannot take negative strides.
        owned = np.require(values, requirements=["C", "W"])
        return torch.from_numpy(owned).to(self.device)

    def host(self, values: Array) -> NDArray[Any]:
        found: NDArray[Any] = values.detach().cpu().numpy()
        return found

    def compile(self, function: Callable[..., Any], static: tuple[int, ...]) -> Callable[..., Any]:
        return _without_gradients(function)

    def repeat(
        self, step: Callable[..., Any], until: Callable[..., Any], static: tuple[int, ...]
    ) -> Callable[..., Any]:
        return _repeated(step, until)

    def numerics(self) -> dict[str, str]:
        if self.device.type == "cpu":
            device = f"cpu {torch.backends.cpu.get_cpu_capability()}"
        else:
            device = torch.cuda.get_device_name(self.device)
        return {
            "torch": torch.__version__,
            "device": device,
            "threads": str(torch.get_num_threads()),
            "mkl_cbwr": os.environ.get("MKL_CBWR", ""),
        }

    def compile_seconds(self) -> float:
        return 0.0


@cache
def _repeated(step: Callable[..., Any], until: Callable[..., Any]) -> Callable[..., Any]:
    @torch.inference_mode()
    def repeated(*arguments: Any) -> Any:
        *constants, state = arguments
        while not until(*constants, state):
            state = step(*constants, state)
        return state

    return repeated


@cache
def _without_gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    wrapped: Callable[..., Any] = torch.inference_mode()(function)
    return wrapped
