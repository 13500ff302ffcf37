"""An IRMA server in memory, and an app to go with it. Everything to use is in `irma_testing`."""
