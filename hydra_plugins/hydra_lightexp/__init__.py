"""What Hydra finds by itself: the launchers and sweepers of lightexp. It imports them at every start, so they import late."""
