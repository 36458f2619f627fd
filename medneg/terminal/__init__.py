"""What a terminal shows: progress with a rate and an end time, and tables of answers."""
