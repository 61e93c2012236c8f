"""What the papers print, whether it adds up, and ours beside it."""
