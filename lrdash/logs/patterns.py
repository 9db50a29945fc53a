"""Every expression with which facts are read from logs, with its source. Causes of failure: causes.py.

All of them work on bytes, are searched for (never anchored: any line can be glued to the end of a
progress bar) and take a line from which carriage returns and colours are already gone.
"""

from __future__ import annotations

import re

FLOAT = rb"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
GROUPED = rb"\d+(?:,\d{3})*"
"""An integer as transformers' banner and our trainer print it: 7,615,616,512."""

# The experiment's README: "For array index 2 (separate LRs), you should see in the logs".
OPTIMIZER_ANCHOR = b"custom classification optimizer"
OPTIMIZER = re.compile(
    rb"Using custom classification optimizer with backbone_lr=(?P<backbone>%b),\s*head_lr=(?P<head>%b)"
    % (FLOAT, FLOAT)
)

WHOLE_OPTIMIZER = re.compile(rb"optimizer with backbone_lr=\d\.\d\de[-+]\d\d, head_lr=\d\.\d\de[-+]\d\d$")
"""The experiment's own notation at the very end of a file: no digit can be missing."""

# lrdash launch, the first line of an attempt on both streams.
IDENTITY_ANCHOR = b"lrdash: sweep="

# A command that is shown before it runs: by `lrdash launch`, and by a script with `set -x`.
SHOWN_COMMAND = re.compile(rb"^\++ .*", re.MULTILINE)

# The bundled trainer, stdout.
PROCESS_RANK = re.compile(rb"Process rank: (?P<rank>\d+), world size: (?P<size>\d+)")  # LLaMA-Factory's words
DATASET = re.compile(rb"Loading dataset (?P<name>.{1,500}): (?P<rows>%b) rows from (?P<path>.+)" % GROUPED)
CUT = re.compile(
    rb"Cut (?P<cut>%b) of (?P<rows>%b) inputs of (?P<name>.{1,500}) to cutoff_len=(?P<length>\d+) tokens"
    % (GROUPED, GROUPED)
)
FROZEN = re.compile(rb"Frozen (?P<part>\w+): (?P<count>%b) parameters" % GROUPED)
TRAINABLE = re.compile(rb"Trainable parameters: (?P<groups>\w+=%b(?:, \w+=%b)*)" % (GROUPED, GROUPED))
TRAINABLE_GROUP = re.compile(rb"(?P<name>\w+)=(?P<count>%b)" % GROUPED)
HEARTBEAT = re.compile(rb"Step (?P<step>\d+) of (?P<steps>\d+), epoch (?P<epoch>%b)" % FLOAT)
STOPPED = re.compile(rb"Stopped by (?P<signal>SIG\w+) at step (?P<step>\d+)")

# LLaMA-Factory src/llamafactory/hparams/parser.py and the bundled trainer.
RESUMED = re.compile(rb"Resuming training from (?P<path>.+?)(?: at step (?P<step>\d+).*|\.)?$")
# LLaMA-Factory src/llamafactory/model/model_utils/visual.py; v0.9.3 prints a bare name.
NOT_TRAINABLE = re.compile(
    rb"Set (?P<part>vision model|multi model projector|language model) not trainable: (?P<names>.*)"
)

# transformers 4.x and 5.x trainer.py, _inner_training_loop and its helpers (stderr).
BANNER = {
    "num_examples": re.compile(rb"Num examples = (%b)" % GROUPED),
    "num_epochs": re.compile(rb"Num Epochs = (%b)" % GROUPED),
    "per_device_batch_size": re.compile(rb"Instantaneous batch size per device = (%b)" % GROUPED),
    "effective_batch_size": re.compile(rb"Total train batch size \(w\. [^)]{0,100}\) = (%b)" % GROUPED),
    "gradient_accumulation_steps": re.compile(rb"Gradient Accumulation steps = (%b)" % GROUPED),
    "steps": re.compile(rb"Total optimization steps = (%b)" % GROUPED),
}
RUNNING_TRAINING = re.compile(rb"\*\*\*\*\* Running training \*\*\*\*\*")
# transformers trainer.py: after the last step, before the model is saved and predictions are made.
TRAINED = re.compile(rb"Training completed\. Do not forget to share|'train_runtime': ")
# transformers trainer_pt_utils.py log_metrics: the last that is printed of a run that predicts.
PREDICTED = re.compile(rb"\*\*\*\*\* predict metrics \*\*\*\*\*")
# The bundled trainer, of a run that was submitted again.
ALREADY_DONE = re.compile(rb"Nothing to do: .{1,500} holds the results of this run")

# transformers trainer_callback.py ProgressCallback.on_log: a Python dict of numbers (4.x) or strings (5.x).
ROW_START = b"{'"
LOSS_START = b"{'loss': "
ROW_FIELD = re.compile(rb"'(?P<key>[\w./-]+)': '?(?P<value>%b|nan|-?inf|NaN|-?Infinity)'?(?=[,}])" % FLOAT)

# tqdm std.py format_meter; a bar with a description ("Loading checkpoint shards: ") is not training progress.
BAR_MARK = b"%|"
BAR = re.compile(
    rb"^\s*(?P<percent>\d{1,3})%\|[^|]*\| (?P<n>\d+)/(?P<total>\d+) \[(?P<elapsed>(?:\d+ days?, )?[\d:]+)<"
)

FACT_ANCHORS = (
    rb"\{'|\*\*\*\*\*|Num [Ee]|Instantaneous b|T(?:otal (?:train b|optim)|rain(?:able p|ing comp))"
    rb"|Gradient Acc|Loading dataset|Cut \d|Frozen |Process rank|Resuming tr|Nothing to do: "
    rb"|S(?:et [vml]|tep \d|topped by SIG)"
)
"""What a line holds if it can state a fact; the scanner looks closer at such lines only."""
