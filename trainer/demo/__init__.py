"""A workspace for trying the whole thing: real data and tiny, randomly initialised checkpoints.

Text: is a docstring from the concurrency or from the data-type modules of Python's standard library? Vision:
does a page of the same library's source code show the body of a class or of a function? Deterministic for one
version of Python, Pillow and PyTorch.
"""
