"""From a config to an experiment. Hydra and omegaconf are imported here and by the command line only."""
