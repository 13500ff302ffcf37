"""`python -m irma_backend.cli`: the command line where no script is installed."""

from irma_backend.cli.main import main

main(prog_name="irma-backend")
