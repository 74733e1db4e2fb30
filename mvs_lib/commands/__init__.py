"""What ``python -m mvs_lib`` can do: one file a command."""
