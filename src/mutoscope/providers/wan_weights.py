"""WAN's weights, loaded from this machine's disk onto its GPU.

Nothing here is imported, and no torch, before a clip is rendered. Nothing is ever downloaded: the
operator lays the weights down once. The surprising choice: every part of the model stays in the
main memory until its turn, so that 14 billion parameters fit a GPU of 24 GB one part at a time.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

_INDEX: Final = "model_index.json"
_PACKAGES: Final = ("torch", "diffusers", "transformers", "accelerate", "ftfy")
_DEVICES: Final = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What a driver of NVIDIA, of AMD, and of a guest on Windows shows."""


class GpuUnusable(Exception):
    """A GPU that is not there, or not large enough."""

    code = "gpu_unusable"


class Loaded(NamedTuple):
    """A pipeline, called as diffusers calls it, and what draws its noise from a seed."""

    pipeline: Callable[..., Any]
    noise: Callable[[int], object]


class Loader(Protocol):
    """A module that loads a pipeline; the render's process imports it by its name."""

    __name__: str

    def missing(self, *, weights: Path) -> str | None:
        """Tell what a pipeline lacks here, with its remedy, or None."""
        ...

    def loaded(self, *, weights: Path) -> Loaded:
        """Load a pipeline.

        :raises GpuUnusable: when there is no GPU for it.
        """
        ...


def missing(*, weights: Path) -> str | None:
    """Tell what WAN lacks on this machine, with its remedy, or None."""
    if not all(find_spec(package) for package in _PACKAGES):
        return "WAN is not installed here: run `pip install mutoscope[wan]`."
    if not any(Path(device).exists() for device in _DEVICES):
        return "WAN needs a GPU, and this machine shows none: install its driver."
    if not (weights / _INDEX).is_file():
        model = f"{weights.parent.name}/{weights.name}"
        return f"The weights are not here: run `hf download {model} --local-dir {weights}`."
    return None


def loaded(*, weights: Path, device: str = "cuda") -> Loaded:
    """Load a pipeline.

    :raises GpuUnusable: when torch cannot use a GPU.
    """
    torch, diffusers = import_module("torch"), import_module("diffusers")
    if device == "cuda" and not torch.cuda.is_available():
        raise GpuUnusable("WAN cannot use this machine's GPU: torch and its driver do not match.")
    exact = {"torch_dtype": torch.float32, "local_files_only": True}
    parts = {"vae": diffusers.AutoencoderKLWan.from_pretrained(weights, subfolder="vae", **exact)}
    if (weights / "image_encoder").is_dir():  # of 2.1 alone
        encoder = import_module("transformers").CLIPVisionModel
        parts["image_encoder"] = encoder.from_pretrained(
            weights, subfolder="image_encoder", **exact
        )
    pipeline = diffusers.WanImageToVideoPipeline.from_pretrained(
        weights, torch_dtype=torch.bfloat16, local_files_only=True, **parts
    )
    pipeline.set_progress_bar_config(disable=True)
    if device == "cuda":
        pipeline.enable_model_cpu_offload()

    def call(**asked: object) -> Any:  # noqa: ANN401 -- diffusers' own
        try:
            return pipeline(**asked)
        except torch.OutOfMemoryError as error:
            sentence = "The GPU's memory is too small for this clip: route to a smaller size."
            raise GpuUnusable(sentence) from error

    return Loaded(pipeline=call, noise=lambda seed: torch.Generator("cpu").manual_seed(seed))
