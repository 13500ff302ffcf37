"""What the web adapters share: the page's script, its texts and its styles."""
