"""Memory that a step leaves behind, kept for the next step."""
import numpy as np


def keep_freed_memory(n_bytes):
    """Let the arrays of a step take the memory of the last step's, where malloc is glibc's.

    It keeps twice the largest block that was ever freed and gives the rest back to the system, to
    get it again, at the next step, page by page. So let go of a large block, which costs nothing as
    it was never written to. Beyond 32 MB malloc would not learn from it."""
    np.empty(min(n_bytes, 2**25 - 2**14), dtype=np.uint8)
