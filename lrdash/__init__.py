"""The terminal dashboard and command line for learning-rate sweeps on Slurm."""

__version__ = "0.1.0"
