"""Make nlu/encoder: fine-tune multilingual-e5-small on nlu/examples. `make encoder`, in an environment of its own."""
