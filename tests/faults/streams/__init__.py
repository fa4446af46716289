"""Faults of streams; a package, so that its session ends with its last test."""
