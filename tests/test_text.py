"""The prompt: cleaned as released, tokenised by a real tokenizer, encoded without its padding."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from pellucid.clip import InputError
from pellucid.model import weights
from pellucid.model.text import clean, encode_prompt, encode_tokens, read_prompt_embeds, write_prompt_embeds
from tiny_tokenizer import save_tokenizer

torch.set_num_threads(1)


@pytest.fixture
def encoder(golden):
    return weights.build_text_encoder(load_file(golden / "weights_text_encoder.safetensors"))


def test_cleaning_is_the_released_codes(golden):
    pairs = json.loads((golden / "prompt_cleaning.json").read_text())["pairs"]
    assert len(pairs) == 11
    for raw, cleaned in pairs:
        assert clean(raw) == cleaned


def test_a_prompt_becomes_the_rows_of_its_tokens(encoder, tmp_path):
    tokenizer = save_tokenizer(tmp_path)
    rows = encode_prompt("  depth ", encoder, tokenizer)
    assert rows.shape == (1, 2, 64)
    assert torch.equal(rows, encode_tokens(torch.tensor([[7, 1]]), encoder))
    assert encode_prompt("depth normal " * 400, encoder, tokenizer).shape == (1, 512, 64)


def test_rows_are_those_of_a_padded_run(encoder):
    ids = torch.tensor([[7, 9, 1]])
    padded, mask = torch.zeros(1, 512, dtype=torch.long), torch.zeros(1, 512, dtype=torch.long)
    padded[:, :3], mask[:, :3] = ids, 1
    with torch.no_grad():
        whole = encoder(padded, attention_mask=mask).last_hidden_state[:, :3]
    assert (encode_tokens(ids, encoder) - whole).abs().max() < 1e-5


def test_sixteen_bit_weights_are_computed_with_in_float32(golden):
    stored = {k: t.bfloat16() for k, t in load_file(golden / "weights_text_encoder.safetensors").items()}
    ids = torch.tensor([[7, 9, 1]])
    narrow = weights.build_text_encoder(stored)
    wide = weights.build_text_encoder({k: t.float() for k, t in stored.items()})
    got = encode_tokens(ids, narrow)
    assert got.dtype == torch.float32
    assert (got - encode_tokens(ids, wide)).abs().max() < 1e-6
    assert narrow.encoder.block[0].layer[0].SelfAttention.q.weight.dtype == torch.bfloat16  # and left as they were
    assert torch.equal(encode_tokens(ids, narrow), got)


def test_a_tokenizer_that_does_not_belong_is_refused(encoder, tmp_path):
    with pytest.raises(InputError, match="not a folder with a tokenizer"):
        encode_prompt("depth", encoder, tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no tokenizer can be loaded") as caught:
        encode_prompt("depth", encoder, tmp_path / "empty")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="token 5000, the text encoder has 300"):
        encode_prompt("depth", encoder, save_tokenizer(tmp_path / "large", depth_id=5000))
    with pytest.raises(InputError, match="end token"):
        encode_prompt("depth", encoder, save_tokenizer(tmp_path / "endless", ends=False))


def test_prompt_rows_go_to_a_file_and_back(tmp_path):
    rows, file = torch.randn(1, 3, 64), tmp_path / "new" / "rows.safetensors"
    write_prompt_embeds(file, rows)
    assert torch.equal(read_prompt_embeds(file, text_dim=64), rows)
    assert [p.name for p in file.parent.iterdir()] == ["rows.safetensors"]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"embeds": torch.zeros(1, 2, 64)}, "expected one tensor, prompt_embeds"),
        ({"prompt_embeds": torch.zeros(2, 64)}, r"\[2, 64\]; needed: \[1, 1 to 512, 64\]"),
        ({"prompt_embeds": torch.zeros(1, 513, 64)}, "1 to 512"),
        ({"prompt_embeds": torch.zeros(1, 0, 64)}, "1 to 512"),
        ({"prompt_embeds": torch.zeros(1, 2, 4096)}, "4096"),
        ({"prompt_embeds": torch.zeros(1, 2, 64, dtype=torch.int32)}, "finite"),
        ({"prompt_embeds": torch.full((1, 2, 64), torch.nan)}, "finite"),
    ],
)
def test_bad_prompt_rows(tmp_path, tensors, message):
    save_file(tensors, tmp_path / "rows.safetensors")
    with pytest.raises(InputError, match=message):
        read_prompt_embeds(tmp_path / "rows.safetensors", text_dim=64)
