"""The prompt, once: cleaned, tokenised and encoded into the few rows that the transformer's text context needs.

DKT's prompts are constants, so the text encoder (11 GB) runs at import and never again. Only the valid tokens are
encoded: the rows are the same as those of a run padded to 512 tokens, and the padding rows are zero anyway.
"""

import html
import os
from pathlib import Path

import ftfy
import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file
from transformers import AutoTokenizer, UMT5EncoderModel

from pellucid.clip import InputError
from pellucid.model.files import first_few, read_tensors

PROMPTS = {"depth": "depth", "normal": "normal"}
CONTEXT = 512  # rows the network sees; those beyond the prompt are zero


def clean(prompt: str) -> str:
    """The prompt as the released code cleans it: mojibake and HTML entities undone, white space single."""
    return " ".join(html.unescape(html.unescape(ftfy.fix_text(prompt))).split())


def encode_prompt(prompt: str, encoder: UMT5EncoderModel, tokenizer: Path) -> Float[torch.Tensor, "1 n D"]:
    """The prompt's rows in float32; `tokenizer` is a local folder such as `google/umt5-xxl` of the official release."""
    return encode_tokens(_token_ids(prompt, Path(tokenizer), encoder.config.vocab_size), encoder)


@torch.no_grad()
def encode_tokens(ids: Int[torch.Tensor, "1 n"], encoder: UMT5EncoderModel) -> Float[torch.Tensor, "1 n D"]:
    """The encoder's last hidden states of these tokens, computed in float32 whatever the weights are stored in.

    Each block is widened while it is in use, and of the token table only the looked-up rows. So memory stays at the
    stored weights' size and one block, and weights mapped from a file are not copied.
    """
    hooks = [h for part in (*encoder.encoder.block, encoder.encoder.final_layer_norm) for h in _widen_while_used(part)]
    try:
        rows = encoder.get_input_embeddings()(ids).float()
        return encoder(inputs_embeds=rows).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()


def read_prompt_embeds(file: Path, *, text_dim: int) -> Float[torch.Tensor, "1 n D"]:
    """The rows in a `--prompt-embeds` file: one tensor `prompt_embeds` [1, n, text_dim] with n at most 512."""
    tensors = read_tensors(file)
    if tensors.keys() != {"prompt_embeds"}:
        raise InputError(f"{file} holds {first_few(sorted(tensors))}; expected one tensor, prompt_embeds")
    embeds = tensors["prompt_embeds"]
    if embeds.ndim != 3 or embeds.shape[0] != 1 or not 1 <= embeds.shape[1] <= CONTEXT or embeds.shape[2] != text_dim:
        raise InputError(f"{file} holds prompt_embeds {list(embeds.shape)}; needed: [1, 1 to {CONTEXT}, {text_dim}]")
    if not embeds.is_floating_point() or not torch.isfinite(embeds).all():
        raise InputError(f"{file} holds prompt_embeds that are not finite floating-point numbers")
    return embeds.clone()


def write_prompt_embeds(file: Path, embeds: Float[torch.Tensor, "1 n D"]) -> None:
    """Writes the rows as a `--prompt-embeds` file; the file appears whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    save_file({"prompt_embeds": embeds.contiguous()}, partial)
    partial.replace(file)


def _token_ids(prompt: str, folder: Path, vocabulary: int) -> Int[torch.Tensor, "1 n"]:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder with a tokenizer (google/umt5-xxl of the official release)")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers raises whatever the broken file makes it raise; nothing is swallowed
        raise InputError(f"no tokenizer can be loaded from {folder}: {str(error).splitlines()[0]}") from error
    ids = tokenizer(clean(prompt), truncation=True, max_length=CONTEXT, return_tensors="pt").input_ids
    if ids.max() >= vocabulary:
        raise InputError(f"{folder} gives token {int(ids.max())}, the text encoder has {vocabulary}: not its tokenizer")
    if ids[0, -1] != tokenizer.eos_token_id:
        raise InputError(f"{folder} does not end the prompt with an end token; it is not the UMT5 tokenizer")
    return ids


def _widen_while_used(part: torch.nn.Module) -> list[torch.utils.hooks.RemovableHandle]:
    stored = [(parameter, parameter.data) for parameter in part.parameters()]

    def widen(*_: object) -> None:
        for parameter, data in stored:
            parameter.data = data.float()

    def restore(*_: object) -> None:
        for parameter, data in stored:
            parameter.data = data

    return [part.register_forward_pre_hook(widen), part.register_forward_hook(restore, always_call=True)]
