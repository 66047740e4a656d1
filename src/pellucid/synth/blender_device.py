"""What renders and what denoises: a GPU where there is one. Runs in Blender's Python."""

from typing import Any

DENOISERS = {"OPTIX": "OptiX", "OPENIMAGEDENOISE": "OIDN"}


class NoDevice(Exception):
    """The GPU that was asked for is not there."""


def take_device(cycles: Any, preferences: Any, wanted: str) -> str:
    """What renders from now on, such as "cpu, denoised by OIDN": a GPU where there is one (auto), or what is wanted.

    `cycles` are a scene's settings, `preferences` those of the add-on. Raises NoDevice.
    """
    cycles.device = "CPU"
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_use_gpu = False
    name = "cpu"
    for kind in {"auto": ("OPTIX", "CUDA"), "cpu": ()}.get(wanted, (wanted.upper(),)):
        found = _devices(preferences, kind)
        if found:
            for device in preferences.devices:
                device.use = device.type == kind
            cycles.device, cycles.denoising_use_gpu = "GPU", True
            if kind == "OPTIX":
                _set(cycles, "denoiser", "OPTIX")
            name = f"{kind.lower()}: {', '.join(device.name for device in found)}"
            break
    else:
        if wanted not in ("auto", "cpu"):
            raise NoDevice(f"no {wanted} device here; take --device auto or cpu, or install the GPU's driver")
    return f"{name}, denoised by {DENOISERS[cycles.denoiser]}"


def _devices(preferences: Any, kind: str) -> list[Any]:
    """The devices of a back end; none where this build of Blender has no such back end."""
    if not _set(preferences, "compute_device_type", kind):
        return []
    preferences.refresh_devices()  # Blender does not look for them by itself
    return [device for device in preferences.devices if device.type == kind]


def _set(owner: Any, name: str, value: str) -> bool:
    """Whether Blender took the value; it refuses what this build or this machine does not have."""
    try:
        setattr(owner, name, value)
    except TypeError:
        return False
    return True
