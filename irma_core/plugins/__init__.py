"""What plugins add: signing schemes, status backends and stores, each found by a URI's scheme."""
