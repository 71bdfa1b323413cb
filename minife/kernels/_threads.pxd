cdef int threads_for(double n_additions) noexcept
