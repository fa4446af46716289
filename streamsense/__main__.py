"""`python -m streamsense` is the `streamsense` command."""

from streamsense.cli.main import main

main()
