"""`python -m runproxy.cli` is the command."""

from runproxy.cli import main

main()
