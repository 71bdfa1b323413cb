"""Memory that one step has freed, kept for the next step."""
import numpy as np


def keep_freed_memory(n_bytes):
    """Make malloc of glibc keep what a step frees, so that the arrays of the next step reuse it.

    glibc keeps twice the largest block that was ever freed and returns the rest to the system, from
    which the next step would get it again page by page. So one large block is allocated and freed
    here; it is never written to, so this costs nothing. Blocks beyond 32 MB do not raise what glibc
    keeps."""
    np.empty(min(n_bytes, 2**25 - 2**14), dtype=np.uint8)
