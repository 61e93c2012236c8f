"""One page that shows how single patients were called, from pixels to vote."""
