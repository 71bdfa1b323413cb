"""How many threads a job of the kernels gets: one number for all of them."""
from ._inline cimport CHECKSUM, available_threads

checksum = CHECKSUM
cdef int n_threads = available_threads()


def set_threads(int n):
    """Let the kernels use n threads; results do not depend on n."""
    global n_threads
    n_threads = n


cdef int threads_for(double n_additions) noexcept:
    """Return how many threads a job gets: a small one gets one, as waking another takes longer."""
    return n_threads if n_additions > 1e7 else 1
