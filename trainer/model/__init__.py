"""Classifiers: a head on the language model of Qwen2.5 and of Qwen2.5-VL."""
