"""The trainer of the learning-rate experiment: text and vision classifiers, one process or several.

`python -m trainer --flag value` or `python -m trainer config.yaml key=value`; see docs/trainer.md. It shares
nothing with the dashboard but files and the command line.
"""
