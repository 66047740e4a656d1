"""The full-size path for real: official-form 1.3B files with random weights, imported and run, with time and memory.

    python benchmarks/full_size_import.py --dir /somewhere/with/20/GB

Every stage runs in a fresh process, so that its peak memory is its own. Memory mapped from files counts as resident
while it is touched, although the system can drop it at any time; a second column leaves it out.
"""

import argparse
import datetime
import json
import platform
import resource
import shutil
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors import safe_open
from safetensors.torch import save_file

from pellucid import GeometryPipeline
from pellucid.model.names import to_original_keys, vae_to_original_keys
from pellucid.model.weights import import_dkt, import_dvd

SIZE = {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30}
CONTROL = SIZE | {"in_channels": 48, "image_dim": 1280, "added_kv_proj_dim": 1536}
TARGETS = (*(f"{a}.{p}" for a in ("self_attn", "cross_attn") for p in "qkvo"), "ffn.0", "ffn.2")
PROBE = "blocks.29.ffn.2"  # the matrix whose merge is checked against its factors
FRAMES, HEIGHT, WIDTH, STEPS = 5, 64, 96, 2


def random_like(shapes: dict[str, torch.Size], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Weights of a sane size: norms near one, matrices scaled by their inputs."""
    noise = torch.randn(1 << 24, generator=torch.Generator().manual_seed(0)).to(dtype)
    made = {}
    for name, shape in shapes.items():
        if ("norm" in name and name.endswith("weight")) or name.endswith("gamma"):
            made[name] = torch.ones(shape, dtype=dtype)
            continue
        fan_in = max(shape[1:].numel(), 1) if len(shape) > 1 else 2500
        count = shape.numel()
        start = zlib.crc32(name.encode()) % 1000
        tiled = noise[start : start + count] if start + count <= len(noise) else noise.repeat(1 + count // len(noise))
        made[name] = (tiled[:count] / fan_in**0.5).reshape(shape).clone()
    return made


def shapes_of(make) -> dict[str, torch.Size]:
    with init_empty_weights(include_buffers=False):
        return {name: tensor.shape for name, tensor in make().state_dict().items()}


def adapter(shapes: dict[str, torch.Size], rank: int) -> dict[str, torch.Size]:
    modules = [f"blocks.{i}.{target}" for i in range(SIZE["num_layers"]) for target in TARGETS]
    return {
        f"{module}.lora_{half}.default.weight": torch.Size(
            (rank, shapes[f"{module}.weight"][1]) if half == "A" else (shapes[f"{module}.weight"][0], rank)
        )
        for module in modules
        for half in "AB"
    }


def write(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    control = to_original_keys(shapes_of(lambda: WanTransformer3DModel(**CONTROL)))
    save_file(random_like(control, torch.bfloat16), folder / "fun_control.safetensors", metadata={"format": "pt"})
    save_file(random_like(adapter(control, 128), torch.bfloat16), folder / "lora.safetensors")
    t2v = to_original_keys(shapes_of(lambda: WanTransformer3DModel(**SIZE)))
    low_rank = adapter(t2v, 512)
    wrapped = {key.partition(".lora_")[0] for key in low_rank}
    peft = {}
    for name, shape in (t2v | low_rank).items():
        module, _, kind = name.rpartition(".")
        peft[f"pipe.dit.{module}.base_layer.{kind}" if module in wrapped else f"pipe.dit.{name}"] = shape
    save_file(random_like(peft, torch.bfloat16), folder / "dvd.safetensors")
    torch.save(random_like(vae_to_original_keys(shapes_of(AutoencoderKLWan)), torch.float32), folder / "vae.pth")
    save_file({"prompt_embeds": torch.randn(1, 2, 4096)}, folder / "rows.safetensors")
    return ", ".join(f"{file.name} {file.stat().st_size / 1e9:.2f} GB" for file in sorted(folder.iterdir()))


def stage_import_dkt(folder: Path) -> str:
    import_dkt(
        transformer=folder / "fun_control.safetensors",
        vae=folder / "vae.pth",
        lora=folder / "lora.safetensors",
        prompt_embeds=folder / "rows.safetensors",
        out=folder / "dkt",
    )
    return check_merge(folder, "dkt", "fun_control", f"{PROBE}.weight", "lora", PROBE)


def stage_import_dvd(folder: Path) -> str:
    import_dvd(checkpoint=folder / "dvd.safetensors", vae=folder / "vae.pth", out=folder / "dvd")
    return check_merge(folder, "dvd", "dvd", f"pipe.dit.{PROBE}.base_layer.weight", "dvd", f"pipe.dit.{PROBE}")


def check_merge(folder: Path, model: str, base: str, weight: str, lora: str, module: str) -> str:
    def read(file: Path, name: str) -> torch.Tensor:
        with safe_open(file, framework="pt") as content:
            return content.get_tensor(name)

    ours = read(folder / model / "transformer/diffusion_pytorch_model.safetensors", "blocks.29.ffn.net.2.weight")
    a, b = (read(folder / f"{lora}.safetensors", f"{module}.lora_{half}.default.weight").double() for half in "AB")
    exact = read(folder / f"{base}.safetensors", weight).double() + b @ a
    share = (ours != exact.bfloat16()).double().mean().item()
    if share > 1e-3:
        raise SystemExit(f"{module} is not base + B A: {share:.1%} of the values differ")
    return f"merged matrix = base + B A rounded once ({share:.1e} of the values on a rounding tie)"


def stage_run(folder: Path, model: str) -> str:
    pipe = GeometryPipeline.from_pretrained(str(folder / model), dtype=torch.bfloat16)
    rgb = np.random.default_rng(0).integers(0, 256, (FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)
    steps = STEPS if model == "dkt" else 1
    out = pipe(rgb, num_inference_steps=steps, processing_resolution=(HEIGHT, WIDTH))
    if out.disparity.shape != rgb.shape[:3] or not np.isfinite(out.disparity).all():
        raise SystemExit(f"disparity is {out.disparity.shape}, or not finite")
    return f"{FRAMES} frames {HEIGHT}x{WIDTH}, {steps} step(s), disparity finite, std {out.disparity.std():.3f}"


STAGES = {
    "write the files": write,
    "import DKT 1.3B": stage_import_dkt,
    "import DVD": stage_import_dvd,
    "run DKT 1.3B": lambda folder: stage_run(folder, "dkt"),
    "run DVD": lambda folder: stage_run(folder, "dvd"),
}


def measured(stage: str, folder: Path) -> dict[str, Any]:
    """What one stage took, in this process."""
    own, done = [0], threading.Event()

    def sample() -> None:
        process = psutil.Process()
        while not done.wait(0.05):
            info = process.memory_info()
            own[0] = max(own[0], info.rss - info.shared)

    threading.Thread(target=sample, daemon=True).start()
    start = time.perf_counter()
    note = STAGES[stage](folder)
    seconds = time.perf_counter() - start
    done.set()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"stage": stage, "seconds": seconds, "peak": peak / 1e9, "own": own[0] / 1e9, "note": note}


def hardware() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    cpu = names[0] if names else platform.machine()
    return f"{cpu}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="a folder for about 20 GB of temporary files; emptied")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "full_size_import.md")
    parser.add_argument("--stage", choices=STAGES, help="(used by the script itself)")
    given = parser.parse_args()
    work = given.dir / "full_size_import"
    if given.stage:
        print(json.dumps(measured(given.stage, work)))
        return
    rows = []
    try:
        for stage in STAGES:
            command = [sys.executable, __file__, "--dir", str(given.dir), "--stage", stage]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
            report(rows, given.out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def report(rows: list[dict[str, Any]], out: Path) -> None:
    """Writes the page; stages that have not finished are named as such, so that a broken run keeps what it measured."""
    lines = [f"| {r['stage']} | {r['seconds']:.0f} | {r['peak']:.1f} | {r['own']:.1f} | {r['note']} |" for r in rows]
    lines += [f"| {stage} | | | | not finished in this run |" for stage in list(STAGES)[len(rows) :]]
    table = "\n".join(lines)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        "# Importing and running full-size models\n\n"
        "Random weights in the official files' form and size (bf16 transformers, float32 VAE), read by the public\n"
        "functions and run on the CPU in bfloat16. It shows that the path holds and what memory it needs; the times\n"
        "are those of a machine that was also doing other work, and so small a clip says nothing about speed.\n\n"
        f"{datetime.date.today()}, {hardware()}; Python {platform.python_version()}, torch {torch.__version__}.\n"
        "Command: `python benchmarks/full_size_import.py --dir DIR`.\n\n"
        "| stage | seconds | peak resident GB | without mapped files GB | |\n|---|---|---|---|---|\n"
        f"{table}\n"
    )


if __name__ == "__main__":
    main()
