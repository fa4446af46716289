"""The camera's edge: from a picture to one face vector."""
