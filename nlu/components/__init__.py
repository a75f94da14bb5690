"""The language understanding components of the pipeline in config.yml."""
