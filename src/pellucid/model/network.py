"""The Wan transformer under the constant context of its method: prompt rows and image tokens never change."""

import torch
from diffusers import WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor
from jaxtyping import Float
from torch import Tensor

CONTEXT_ROWS = 512  # the attention processor tells image from text tokens by this count
IMAGE_TOKENS = 257


class OneRowAttention(WanAttnProcessor):
    """Attention over a context of one row: every query gets its value, so queries, keys and softmax are left out."""

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        if encoder_hidden_states is None or encoder_hidden_states.shape[1] != 1:
            return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, rotary_emb)
        answer = attn.to_out[1](attn.to_out[0](attn.to_v(encoder_hidden_states)))
        return answer.expand(-1, hidden_states.shape[1], -1)


class Network:
    """Callable (hidden [B,c,f,h,w], timestep [B]) -> [B,16,f,h,w].

    prompt_embeds [1, n, text_dim] holds the valid rows of the text context; the other rows are zero vectors, as in
    the released code. Without a prompt (DVD) all rows are zero and therefore equal, and attention over equal keys is
    their value whatever their number: one row gives the same result as 512, and needs no queries. Fun-Control
    transformers also take the CLIP feature, a constant zero input in DKT. The transformer sees its own type; the
    caller keeps the caller's.
    """

    def __init__(self, transformer: WanTransformer3DModel, prompt_embeds: Float[Tensor, "1 n c"] | None = None):
        self.transformer = transformer
        self.embedding = transformer.patch_embedding  # training may wrap the transformer
        config = transformer.config
        has_image_branch = config.image_dim is not None
        rows = 1 if prompt_embeds is None and not has_image_branch else CONTEXT_ROWS
        self.context = torch.zeros(1, rows, config.text_dim)
        if rows == 1:
            for block in transformer.blocks:
                block.attn2.set_processor(OneRowAttention())
        if prompt_embeds is not None:
            if prompt_embeds.shape[1] > rows or prompt_embeds.shape[2] != config.text_dim:
                raise ValueError(
                    f"prompt_embeds is {tuple(prompt_embeds.shape)}; allowed is (1, n <= {rows}, {config.text_dim})"
                )
            self.context[:, : prompt_embeds.shape[1]] = prompt_embeds
        self.image = torch.zeros(1, IMAGE_TOKENS, config.image_dim) if has_image_branch else None

    def __call__(self, hidden: Float[Tensor, "B c f h w"], timestep: Float[Tensor, "B"]) -> Float[Tensor, "B o f h w"]:
        batch, dtype = len(hidden), hidden.dtype
        hidden = hidden.to(self.embedding.weight.dtype)
        context = self.context.to(hidden).expand(batch, -1, -1)
        image = None if self.image is None else self.image.to(hidden).expand(batch, -1, -1)
        out = self.transformer(hidden, timestep, context, encoder_hidden_states_image=image, return_dict=False)[0]
        return out.to(dtype)
