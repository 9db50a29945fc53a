"""Flags of transformers and LLaMA-Factory that this trainer does not have.

A flag of the same experiment is either accepted, because what it asks for is what happens anyway, or
refused with what to write instead.
"""

from __future__ import annotations

_FALSE = frozenset({"false"})

ACCEPTED: dict[str, frozenset[str] | None] = {
    # flag: the values that ask for what happens anyway; None: any value, it changes no result
    "template": None,  # the tokenizer's own chat template is used
    "overwrite_cache": None,
    "preprocessing_num_workers": None,
    "eval_on_each_dataset": _FALSE,
    "plot_loss": None,  # the dashboard draws
    "logging_strategy": frozenset({"steps"}),
    "logging_first_step": None,
    "logging_nan_inf_filter": _FALSE,  # a loss that is not finite ends the run
    "report_to": frozenset({"none"}),
    "flash_attn": frozenset({"auto", "sdpa"}),
    "attn_implementation": frozenset({"sdpa"}),
    "trust_remote_code": _FALSE,
    "save_only_model": _FALSE,
    "save_safetensors": frozenset({"true"}),
    "load_best_model_at_end": _FALSE,
    "metric_for_best_model": None,  # every epoch's metrics are kept, the last epoch predicts
    "greater_is_better": None,
    "include_num_input_tokens_seen": None,  # tokens are always counted
    "include_tokens_per_second": None,
    "remove_unused_columns": None,
    "dataloader_pin_memory": None,
    "disable_tqdm": None,  # a bar is shown on a terminal only
    "tf32": None,
    "compute_accuracy": None,  # accuracy is always computed
    "optim": frozenset({"adamw_torch", "adamw_torch_fused"}),
    "streaming": _FALSE,
    "packing": _FALSE,
    "val_size": frozenset({"0", "0.0"}),
    "warmup_ratio": frozenset({"0", "0.0"}),
    "video_max_pixels": None,  # there are no videos
    "video_min_pixels": None,
    "freeze_language_model": _FALSE,
    "disable_gradient_checkpointing": frozenset({"true"}),
    "predict_with_generate": _FALSE,
    "fp16": _FALSE,
    "pure_bf16": _FALSE,
    "train_sampling_strategy": frozenset({"random"}),
    "use_fast_tokenizer": None,
    "run_name": None,
    "push_to_hub": _FALSE,
}

REPLACED: dict[str, str] = {
    "evaluation_strategy": "write --eval_strategy",
    "warmup_ratio": "write it as --warmup_steps: a number below 1 is the share of all steps",
    "deepspeed": "leave it out: several GPUs share the weights through FSDP2",
    "fsdp_config": "leave it out, or write --fsdp true",
    "pure_bf16": "write --bf16 true: weights of 16 bits lose most updates at small learning rates",
    "fp16": "write --bf16 true",
    "packing": "leave it out: every row has its own label",
    "val_size": "write --eval_dataset with the rows to test on",
    "tokenized_path": "leave it out: rows are tokenized at the start",
    "predict_with_generate": "leave it out: a classifier does not generate",
    "eval_on_each_dataset": "write one --eval_dataset",
    "early_stopping_steps": "leave it out: all epochs are trained, and every epoch's metrics are kept",
    "cache_dir": "leave it out, and set HF_HUB_CACHE where models are looked up elsewhere",
    "per_gpu_train_batch_size": "write --per_device_train_batch_size",
    "per_gpu_eval_batch_size": "write --per_device_eval_batch_size",
    "image_resolution": "write --image_max_pixels",
    "save_steps": "leave it out: checkpoints are saved at the end of an epoch",
    "eval_steps": "leave it out: evaluation is at the end of an epoch",
    "logging_nan_inf_filter": "leave it out: a loss that is not finite ends the run",
    "load_best_model_at_end": "leave it out: every epoch's metrics are kept, the last epoch predicts",
    "group_by_length": "leave it out: rows of one optimizer step are already grouped by length",
    "train_sampling_strategy": "leave it out: rows are drawn at random",
    "flash_attn": "leave it out: PyTorch's own attention is used",
    "attn_implementation": "leave it out: PyTorch's own attention is used",
    "report_to": "leave it out: results go to files",
    "lora_rank": "leave it out: only --finetuning_type full is trained here",
    "lora_alpha": "leave it out: only --finetuning_type full is trained here",
    "lora_target": "leave it out: only --finetuning_type full is trained here",
    "adapter_name_or_path": "leave it out: only --finetuning_type full is trained here",
    "quantization_bit": "leave it out: only --finetuning_type full is trained here",
    "freeze_language_model": "leave it out: the language model is what is trained",
    "optim": "leave it out: AdamW is used",
    "data_seed": "write --seed",
    "push_to_hub": "leave it out: nothing is uploaded",
    "save_only_model": "leave it out: a checkpoint can always be resumed",
    "trust_remote_code": "leave it out: code from a checkpoint is never run",
    "logging_strategy": "write --logging_steps",
    "streaming": "leave it out: data sets are read whole",
    "gradient_checkpointing_kwargs": "write --gradient_checkpointing true",
    "activation_checkpointing": "write --gradient_checkpointing true",
    "disable_gradient_checkpointing": "write --gradient_checkpointing true",
}
