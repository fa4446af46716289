"""What drives the core: live sessions and replay."""
