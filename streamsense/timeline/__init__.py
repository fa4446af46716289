"""From stamps to originating times: clock offsets, smoothing, gaps."""
