"""What a web framework calls: plain requests in, plain responses out."""
