"""An IRMA server in memory, and an app for it. The public names are in `irma_testing`."""
