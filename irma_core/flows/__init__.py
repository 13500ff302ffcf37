"""Flows: generators that yield the steps of each call, for sync and async requestors alike."""
