"""Things that yield events: network streams, files, camera, microphone, simulator."""
