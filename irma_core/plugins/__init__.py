"""The parts that plugins add: signing schemes, status backends and stores, found by URI scheme."""
