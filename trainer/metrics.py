"""Logits and label ids -> metrics, by scikit-learn. Imported at the first evaluation: it takes seconds."""

from __future__ import annotations

import numpy as np
from sklearn import metrics as sklearn_metrics

from trainer.probabilities import Array, log_probabilities, mean_loss


def classification_metrics(logits: Array, labels: Array) -> dict[str, float | int | None]:
    """Metrics without a prefix; None where one is not defined (AUROC of one class).

    For two classes `f1`, precision and recall are those of the second, the positive one; for more they are
    means over the classes that occur in the labels or the predictions.
    """
    classes = list(range(logits.shape[1]))
    predicted = logits.argmax(axis=1)
    binary = len(classes) == 2
    average = "binary" if binary else "macro"
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, average=average, pos_label=1, zero_division=0.0
    )
    values: dict[str, float | int | None] = {
        "accuracy": float((predicted == labels).mean()),
        "f1": float(f1),
        "f1_macro": float(sklearn_metrics.f1_score(labels, predicted, average="macro", zero_division=0.0)),
        "precision": float(precision),
        "recall": float(recall),
        "mcc": float(sklearn_metrics.matthews_corrcoef(labels, predicted)),
        "balanced_accuracy": _balanced_accuracy(labels, predicted),
        "auroc": _auroc(logits, labels),
        "log_loss": mean_loss(logits, labels),
        "n": len(labels),
    }
    if binary:
        tn, fp, fn, tp = sklearn_metrics.confusion_matrix(labels, predicted, labels=classes).ravel()
        values |= {"tp": int(tp), "fp": int(fp), "fn": int(fn), "tn": int(tn)}
    return values


def _balanced_accuracy(labels: Array, predicted: Array) -> float:
    """Mean recall over the classes that occur."""
    return float(np.mean([(predicted[labels == label] == label).mean() for label in np.unique(labels)]))


def _auroc(logits: Array, labels: Array) -> float | None:
    if len(np.unique(labels)) < logits.shape[1]:
        return None
    probabilities = np.exp(log_probabilities(logits))
    if logits.shape[1] == 2:
        return float(sklearn_metrics.roc_auc_score(labels, probabilities[:, 1]))
    return float(sklearn_metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"))
