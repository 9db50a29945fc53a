"""The classification head on Qwen2.5-VL, which transformers does not have."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Qwen2_5_VLPreTrainedModel
from transformers.conversion_mapping import (
    get_checkpoint_conversion_mapping,
    register_checkpoint_conversion_mapping,
)
from transformers.modeling_layers import GenericForSequenceClassification


class QwenVLForSequenceClassification(GenericForSequenceClassification, Qwen2_5_VLPreTrainedModel):  # type: ignore[misc]
    """Reads the class off the last token, as transformers' text classifiers do."""

    def forward(self, input_ids: torch.Tensor, **inputs: Any) -> Any:
        # Without token types the positions of image tokens would silently be those of text.
        types = (input_ids == self.config.image_token_id).int()
        return super().forward(input_ids=input_ids, mm_token_type_ids=types, **inputs)


# Checkpoints on the hub name the parts differently than the modules do. transformers translates for its own
# classes only: without this the whole language model would silently keep random weights.
register_checkpoint_conversion_mapping(
    QwenVLForSequenceClassification.__name__,
    get_checkpoint_conversion_mapping("Qwen2_5_VLForConditionalGeneration"),
    overwrite=True,
)
