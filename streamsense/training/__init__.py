"""Networks, their training on real recordings, and their export; needs the extra `train` (torch and onnx)."""

from streamsense.errors import DependencyError


def lacking(error: ImportError) -> DependencyError:
    """What is raised in place of an import that failed: a sentence that says what to install."""
    return DependencyError(
        f"Training needs torch and onnx, and one of them cannot be imported ({error}). "
        "Install them: pip install -c constraints.txt 'streamsense[train]'."
    )
