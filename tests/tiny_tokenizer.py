"""A real tokenizer small enough for the golden text encoder."""

from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast


def save_tokenizer(folder, *, depth_id=7, ends=True):
    """A word-level tokenizer with UMT5's special tokens: 0 pads, 1 ends."""
    words = {"<pad>": 0, "</s>": 1, "<unk>": 2, "depth": depth_id, "normal": 9}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if ends:
        tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return folder
