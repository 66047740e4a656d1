"""Which device renders and which denoiser, with lists of devices as Blender gives them, and with Blender itself."""

import importlib.util
import shutil
from types import SimpleNamespace

import pytest

from pellucid.clip import InputError
from pellucid.synth import process
from pellucid.synth.process import SCRIPT, device_here

_spec = importlib.util.spec_from_file_location("blender_device", SCRIPT.with_name("blender_device.py"))
assert _spec is not None and _spec.loader is not None
blender_device = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(blender_device)
L40S = "NVIDIA L40S"


class Refusing:
    """Attributes, some of which take certain values alone, as Blender's enumerations do."""

    def __init__(self, **allowed) -> None:
        vars(self).update(allowed=allowed)

    def __setattr__(self, name, value) -> None:
        if value not in self.allowed.get(name, (value,)):
            raise TypeError(f'enum "{value}" not found in {self.allowed[name]}')
        vars(self)[name] = value


class Preferences(Refusing):
    """The add-on's preferences of a machine; its devices are there after a refresh. Cards are listed for each kind."""

    def __init__(self, cards: dict[str, list[str]], back_ends=("NONE", "CUDA", "OPTIX")) -> None:
        super().__init__(compute_device_type=back_ends)
        self.cards, self.devices = cards, []

    def refresh_devices(self) -> None:
        named = [("CPU", "AMD EPYC"), *((kind, name) for kind, names in self.cards.items() for name in names)]
        self.devices = [SimpleNamespace(type=kind, name=name, use=kind != "CPU") for kind, name in named]


@pytest.mark.parametrize(
    ("wanted", "cards", "said"),
    [
        ("auto", {}, "cpu, denoised by OIDN"),
        ("auto", {"CUDA": [L40S], "OPTIX": [L40S]}, f"optix: {L40S}, denoised by OptiX"),
        ("auto", {"CUDA": ["Tesla"]}, "cuda: Tesla, denoised by OIDN"),
        ("cuda", {"CUDA": [L40S, L40S], "OPTIX": [L40S]}, f"cuda: {L40S}, {L40S}, denoised by OIDN"),
        ("cpu", {"CUDA": [L40S], "OPTIX": [L40S]}, "cpu, denoised by OIDN"),
    ],
)
def test_a_gpu_where_there_is_one_and_what_was_asked_for(wanted, cards, said):
    denoisers = ("OPTIX", "OPENIMAGEDENOISE") if "OPTIX" in cards else ("OPENIMAGEDENOISE",)
    cycles, preferences = Refusing(denoiser=denoisers), Preferences(cards)
    assert blender_device.take_device(cycles, preferences, wanted) == said
    kind = said.partition(":")[0].upper()
    on_gpu = kind in cards
    assert (cycles.device, cycles.denoising_use_gpu) == (("GPU", True) if on_gpu else ("CPU", False))
    if on_gpu:
        assert preferences.compute_device_type == kind
        assert [device.type for device in preferences.devices if device.use] == [kind] * len(cards[kind])


def test_a_back_end_that_blender_was_built_without():
    cycles, preferences = Refusing(), Preferences({"CUDA": [L40S]}, back_ends=("NONE", "CUDA"))
    assert blender_device.take_device(cycles, preferences, "auto").startswith("cuda: ")
    with pytest.raises(blender_device.NoDevice, match="no optix device here; take --device auto or cpu"):
        blender_device.take_device(cycles, preferences, "optix")


def test_blender_has_what_is_asked_of_it(blender):
    assert device_here(blender, "cpu") == "cpu, denoised by OIDN"
    if shutil.which("nvidia-smi") is None:
        with pytest.raises(InputError, match="no optix device here"):
            device_here(blender, "optix")


def test_a_driver_that_kills_blender_is_one_line(tmp_path, monkeypatch):
    dying = tmp_path / "dying.sh"
    dying.write_text("kill -SEGV $$\n")
    monkeypatch.setattr(process, "SCRIPT", dying)
    with pytest.raises(InputError, match="--device auto: Blender ended with status -11: no message; try again"):
        device_here(["sh"], "auto")
