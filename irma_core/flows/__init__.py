"""The order of steps, written once: generators that yield effects and serve both modes."""
