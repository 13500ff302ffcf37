"""The vocabulary: what is asked, what comes back, and what makes an answer."""
