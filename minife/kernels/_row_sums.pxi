# Products with binary states need no multiplication: they are sums of the rows of a matrix that are switched on  (K1)
#
# A part of _gibbs.pyx. The matrix is cut into panels of a few columns, so that the fastest caches hold its rows.
# Threads share the panels, and no number depends on how.

cdef enum:
    LISTS = 131072        # numbers in the lists of the rows that are summed at a time: 256 kB, which fit the cache
    FEWEST = 128          # rows of sums at a time, however long their lists: the matrix is read once for each tile
    FEW = 256             # rows of a matrix of which the fastest cache holds four vectors each, not two
    LARGEST_LIST = 65536  # units that a 16-bit index can name


cdef cloned compact(const uint8_t *states, Py_ssize_t step, Py_ssize_t n, Py_ssize_t n_in, uint16_t *used,
                    Py_ssize_t *n_used, uint16_t *position) noexcept nogil:
    """used = np.flatnonzero(states.any(axis=0)); position = where a unit stands in it"""
    cdef Py_ssize_t r, i, k = 0
    for i in range(n_in):
        position[i] = 0
    for r in range(n):
        for i in range(n_in):
            position[i] |= states[r * step + i]
    for i in range(n_in):
        used[k] = <uint16_t>i
        k += position[i]
        position[i] = <uint16_t>(k - 1)
    n_used[0] = k


cdef void list_row(const uint8_t *state, Py_ssize_t n_in, const uint16_t *position, uint16_t *active,
                   Py_ssize_t *n_active) noexcept nogil:
    """active = position[np.flatnonzero(state)]; eight units that are off are passed over at once."""
    cdef Py_ssize_t i, l, k = 0
    cdef uint64_t eight
    for i in range(0, n_in - 7, 8):
        memcpy(&eight, state + i, 8)
        if eight != 0:
            for l in range(i, i + 8):
                active[k] = position[l]
                k += state[l]
    for l in range(n_in - n_in % 8, n_in):
        active[k] = position[l]
        k += state[l]
    n_active[0] = k


cdef void list_columns(const uint8_t *states, Py_ssize_t step, Py_ssize_t n_in, Py_ssize_t n_columns, uint16_t *active,
                       Py_ssize_t *n_active) noexcept nogil:
    """active = np.flatnonzero(states[:, l]) for up to eight columns l of states, whose rows lie `step` bytes apart"""
    cdef Py_ssize_t i, l
    cdef uint64_t eight = 1
    for l in range(n_columns):
        n_active[l] = 0
    for i in range(n_in):
        if n_columns == 8:
            memcpy(&eight, states + i * step, 8)
        if eight != 0:
            for l in range(n_columns):
                active[l * (n_in + 1) + n_active[l]] = <uint16_t>i
                n_active[l] += states[i * step + l]


cdef cloned fill_panel(const real *matrix, Py_ssize_t row_step, Py_ssize_t column_step, const uint16_t *used,
                       Py_ssize_t n_used, Py_ssize_t n_columns, Py_ssize_t width, real *panel) noexcept nogil:
    """panel[:, :n_columns] = matrix[used, :n_columns], rows of `width` numbers, one after the other, and 0 elsewhere"""
    cdef Py_ssize_t m = 64 // sizeof(real), k = 0, l
    if n_columns == width and column_step == 1:
        while k < n_used:
            memcpy(panel + k * width, matrix + used[k] * row_step, width * sizeof(real))
            prefetch(matrix + used[k] * row_step + width, 0)
            prefetch(matrix + used[k] * row_step + width + 64 // sizeof(real), 0)
            k += 1
    elif n_columns == width and row_step == 1:  # the transpose of a matrix, all of whose rows are used: in squares
        while k <= n_used - m:
            for l in range(width // m):
                if real is float:
                    transpose_float(matrix + l * m * column_step + k, column_step, panel + k * width + l * m, width)
                else:
                    transpose_double(matrix + l * m * column_step + k, column_step, panel + k * width + l * m, width)
            k += m
    while k < n_used:
        for l in range(n_columns):
            panel[k * width + l] = matrix[used[k] * row_step + l * column_step]
        for l in range(n_columns, width):
            panel[k * width + l] = 0
        k += 1


cdef cloned sum_panel(const uint16_t *active, Py_ssize_t list_step, const Py_ssize_t *n_active, Py_ssize_t n,
                      const real *panel, Py_ssize_t n_columns, Py_ssize_t width, real *out,
                      Py_ssize_t out_step) noexcept nogil:
    """out = the sums of the listed rows of a panel, one for each row of states  (K1)"""
    cdef Py_ssize_t r, l
    cdef real[64] sums
    cdef real *total
    for r in range(n):
        total = out if n_columns == width else sums
        if real is float and width == 32:
            sum_rows_float_2(active, n_active[r], panel, total)
        elif real is float:
            sum_rows_float_4(active, n_active[r], panel, total)
        elif width == 16:
            sum_rows_double_2(active, n_active[r], panel, total)
        else:
            sum_rows_double_4(active, n_active[r], panel, total)
        if n_columns < width:
            memcpy(out, sums, n_columns * sizeof(real))
        for l in range(width // (64 // <Py_ssize_t>sizeof(real))):
            prefetch(out + width + l * (64 // <Py_ssize_t>sizeof(real)), 1)
        active += list_step
        out += out_step


def binary_product(const uint8_t[:, :] states, const real[:, :] matrix):
    """Return states @ matrix for 0/1 states (n, n_in) and a matrix (n_in, n_out)  (K1)"""
    cdef Py_ssize_t n = states.shape[0], n_in = states.shape[1], n_out = matrix.shape[1]
    cdef Py_ssize_t row_step = matrix.strides[0] // sizeof(real), column_step = matrix.strides[1] // sizeof(real)
    cdef Py_ssize_t width = (4 if n_in <= FEW else 2) * 64 // sizeof(real)
    cdef Py_ssize_t start, height, n_used = n_in, panel, i, r, t, list_step = n_in + 1
    cdef Py_ssize_t tile = min(n, max(FEWEST, LISTS // list_step))
    cdef int threads = threads_for(<double>n * n_in * n_out, n_threads)
    cdef bint by_column = states.strides[0] == 1 and states.strides[1] != 1
    if n_in > LARGEST_LIST:
        return reference.binary_product(np.asarray(states), np.asarray(matrix))
    if not by_column and states.strides[1] != 1:
        states = np.ascontiguousarray(states)
    dtype = np.float32 if real is float else np.float64
    out_array = np.empty((n, n_out), dtype)
    cdef real[:, ::1] out = out_array, panels = aligned_empty(threads, n_in * width, dtype)
    cdef uint16_t[::1] used = np.arange(n_in, dtype=np.uint16), position = np.arange(n_in, dtype=np.uint16)
    cdef uint16_t[:, ::1] active = np.empty((tile, list_step), np.uint16)
    cdef Py_ssize_t[::1] n_active = np.empty(tile, np.intp)
    for start in range(0, n, tile):
        height = min(tile, n - start)
        if by_column:
            for r in prange(0, height, 8, nogil=True, num_threads=threads, schedule="static"):
                list_columns(&states[start + r, 0], states.strides[1], n_in, min(8, height - r), &active[r, 0],
                             &n_active[r])
        else:
            if row_step != 1:  # a transposed matrix is faster whole
                compact(&states[start, 0], states.strides[0], height, n_in, &used[0], &n_used, &position[0])
            for r in prange(height, nogil=True, num_threads=threads, schedule="static"):
                list_row(&states[start + r, 0], n_in, &position[0], &active[r, 0], &n_active[r])
        # out = states @ matrix
        for panel in prange((n_out + width - 1) // width, nogil=True, num_threads=threads, schedule="static"):
            t = threadid()
            i = panel * width
            fill_panel(&matrix[0, 0] + i * column_step, row_step, column_step, &used[0], n_used, min(width, n_out - i),
                       width, &panels[t, 0])
            sum_panel(&active[0, 0], list_step, &n_active[0], height, &panels[t, 0], min(width, n_out - i), width,
                      &out[start, i], n_out)
    return out_array
