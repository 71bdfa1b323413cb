# Products with binary states need no multiplication: they are sums of the rows of a matrix that are switched on  (K1)
#
# A part of _gibbs.pyx. The matrix is cut into panels of a few columns, so that the fastest caches hold its rows. A sum
# is written, or is at once the slope of a step. Threads share the panels, and no number depends on how.
import sys

cdef enum:
    LISTS = 131072        # numbers in the lists of a tile, the rows that are summed at a time: 256 kB for each thread
    FEWEST = 128          # rows of a tile for each thread, however long their lists: it reads the matrix once
    FEW = 256             # rows of a matrix of which the fastest cache holds four vectors each, not two
    LARGEST_LIST = 65536  # units that a 16-bit index can name


cdef uint16_t[256][8] places  # for each byte that eight units can make, the places of those that are on
cdef uint8_t[256] counts      # and how many they are
cdef int byte, unit
for byte in range(256):
    for unit in range(8):
        places[byte][counts[byte]] = unit
        counts[byte] += byte >> (unit if sys.byteorder == "little" else 7 - unit) & 1


cdef cloned list_row(const uint8_t *state, Py_ssize_t n_in, uint16_t *active, Py_ssize_t *n_active) noexcept nogil:
    """active = np.flatnonzero(state), eight units at a time: their bits make a byte, and a table lists those on"""
    cdef Py_ssize_t i, k = 0
    cdef uint64_t eight
    cdef uint64_t[2] units  # eight numbers of 16 bits
    cdef uint8_t byte
    for i in range(0, n_in - 7, 8):
        memcpy(&eight, state + i, 8)
        byte = <uint8_t>((eight * <uint64_t>0x0102040810204080) >> 56)
        memcpy(units, places[byte], 16)
        units[0] += i * <uint64_t>0x0001000100010001
        units[1] += i * <uint64_t>0x0001000100010001
        memcpy(active + k, units, 16)
        k += counts[byte]
    for i in range(n_in - n_in % 8, n_in):
        active[k] = <uint16_t>i
        k += state[i]
    n_active[0] = k


cdef void list_columns(const uint8_t *states, Py_ssize_t step, Py_ssize_t n_in, Py_ssize_t n_columns, uint16_t *active,
                       Py_ssize_t list_step, Py_ssize_t *n_active, uint16_t *scratch) noexcept nogil:
    """active = np.flatnonzero(states[:, l]) for each column l of states, whose rows lie `step` bytes apart"""
    cdef Py_ssize_t i, k, n, column
    for column in range(n_columns):
        n_active[column] = 0
    for i in range(n_in):
        list_row(states + i * step, n_columns, scratch, &n)
        for k in range(n):
            column = scratch[k]
            active[column * list_step + n_active[column]] = <uint16_t>i
            n_active[column] += 1


cdef cloned any_row(const uint8_t *states, Py_ssize_t step, Py_ssize_t n, Py_ssize_t n_in,
                    uint8_t *used) noexcept nogil:
    """used = states.any(axis=0)"""
    cdef Py_ssize_t r, i
    for i in range(n_in):
        used[i] = states[i]
    for r in range(1, n):
        for i in range(n_in):
            used[i] |= states[r * step + i]


cdef cloned fill_panel(const real *matrix, Py_ssize_t row_step, Py_ssize_t column_step, const uint16_t *used,
                       Py_ssize_t n_used, Py_ssize_t n_columns, Py_ssize_t width, real *panel) noexcept nogil:
    """panel[used, :n_columns] = matrix[used, :n_columns], rows of `width` numbers, and 0 in the columns behind"""
    cdef Py_ssize_t m = 64 // sizeof(real), k = 0, l, i
    if n_columns == width and column_step == 1:
        while k < n_used:
            i = used[k]
            for l in range(width // m):
                memcpy(panel + i * width + l * m, matrix + i * row_step + l * m, 64)
                prefetch(matrix + i * row_step + width + l * m, 0)
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
        i = used[k]
        for l in range(n_columns):
            panel[i * width + l] = matrix[i * row_step + l * column_step]
        for l in range(n_columns, width):
            panel[i * width + l] = 0
        k += 1


cdef cloned sum_panel(const uint16_t *active, Py_ssize_t list_step, const Py_ssize_t *n_active, Py_ssize_t n,
                      const real *panel, Py_ssize_t n_columns, Py_ssize_t width, real *out, real *velocity,
                      const real *base, Py_ssize_t out_step, const real *step) noexcept nogil:
    """out = the sums of the listed rows of a panel, or a step of descent along them, added to base  (K1)

    step   NULL, or rate, momentum, l1 and l2, with velocity NULL where there is no momentum  (D2)"""
    cdef Py_ssize_t r, l, m = 64 // sizeof(real)
    cdef real[64] sums
    for r in range(n):
        if real is float and width == 32:
            sum_rows_float_2(active, n_active[r], panel, sums)
        elif real is float:
            sum_rows_float_4(active, n_active[r], panel, sums)
        elif width == 16:
            sum_rows_double_2(active, n_active[r], panel, sums)
        else:
            sum_rows_double_4(active, n_active[r], panel, sums)
        # slope = base + states @ matrix
        if base != NULL:
            for l in range(n_columns):
                sums[l] = base[l] + sums[l]
            base += out_step
        # out = slope; or theta, in the place of out, and velocity take a step along it
        if step == NULL:
            memcpy(out, sums, n_columns * sizeof(real))
        elif velocity == NULL:
            descend(n_columns, out, sums, step[0], step[2], step[3])
        else:
            descend_with_momentum(n_columns, out, velocity, sums, step[0], step[1], step[2], step[3])
            velocity += out_step
        for l in range(width // m):
            prefetch(out + width + l * m, 1)
        active += list_step
        out += out_step


def binary_product(const uint8_t[:, :] states, const real[:, :] matrix):
    """Return states @ matrix for 0/1 states (n, n_in) and a matrix (n_in, n_out)  (K1)"""
    if states.shape[1] > LARGEST_LIST:
        return reference.binary_product(np.asarray(states), np.asarray(matrix))
    out_array = np.empty((states.shape[0], matrix.shape[1]), np.float32 if real is float else np.float64)
    cdef real[:, ::1] out = out_array, none = None
    sum_rows(states, matrix, out, none, none, NULL)
    return out_array


def product_step(real[:, ::1] theta, real[:, ::1] velocity, const real[:, ::1] base, const uint8_t[:, :] states,
                 const real[:, :] matrix, real rate, real momentum, real l1, real l2):
    """Change theta and velocity (n, n_out) in place: one step along base + states @ matrix  (K1, D2)

    velocity, base   may be None: no momentum, nothing to add to"""
    cdef real[4] step = [rate, momentum, l1, l2]
    # slope = states @ matrix
    # slope = base + slope
    # descent_step(theta, slope, rate, l1, l2)
    # momentum_step(theta, velocity, slope, rate, momentum, l1, l2)
    if states.shape[1] > LARGEST_LIST:
        reference.product_step(np.asarray(theta), None if velocity is None else np.asarray(velocity),
                               None if base is None else np.asarray(base), np.asarray(states), np.asarray(matrix),
                               rate, momentum, l1, l2)
    else:
        sum_rows(states, matrix, theta, velocity, base, step)


cdef sum_rows(const uint8_t[:, :] states, const real[:, :] matrix, real[:, ::1] out, real[:, ::1] velocity,
              const real[:, ::1] base, const real *step):
    """out = states @ matrix, or a step of descent along base + that, as sum_panel has it"""
    cdef Py_ssize_t n = states.shape[0], n_in = states.shape[1], n_out = matrix.shape[1]
    cdef Py_ssize_t row_step = matrix.strides[0] // sizeof(real), column_step = matrix.strides[1] // sizeof(real)
    cdef Py_ssize_t width = (4 if n_in <= FEW else 2) * 64 // sizeof(real)
    cdef Py_ssize_t start, height, share, n_used = n_in, panel, i, r, t
    cdef int threads = threads_for(<double>n * n_in * n_out)
    cdef Py_ssize_t tile = min(n, threads * max(FEWEST, LISTS // max(n_in, 1)), LARGEST_LIST)
    cdef bint by_column = states.strides[0] == 1 and states.strides[1] != 1
    if not by_column and states.strides[1] != 1:
        states = np.ascontiguousarray(states)
    cdef real[:, ::1] panels = aligned_empty(threads, n_in * width, np.float32 if real is float else np.float64)
    cdef uint16_t[::1] used = np.arange(n_in, dtype=np.uint16)
    cdef uint16_t[:, ::1] active = np.empty((tile, n_in), np.uint16), scratch = np.empty((threads, tile), np.uint16)
    cdef uint8_t[::1] on = np.empty(n_in, np.uint8)
    cdef Py_ssize_t[::1] n_active = np.empty(tile, np.intp)
    for start in range(0, n, tile):
        height = min(tile, n - start)
        if by_column:
            share = (height + threads - 1) // threads
            for r in prange(0, height, share, nogil=True, num_threads=threads, schedule="static"):
                list_columns(&states[start + r, 0], states.strides[1], n_in, min(share, height - r), &active[r, 0],
                             n_in, &n_active[r], &scratch[threadid(), 0])
        else:
            if row_step != 1:  # a transposed matrix is faster whole
                any_row(&states[start, 0], states.strides[0], height, n_in, &on[0])
                list_row(&on[0], n_in, &used[0], &n_used)
            for r in prange(height, nogil=True, num_threads=threads, schedule="static"):
                list_row(&states[start + r, 0], n_in, &active[r, 0], &n_active[r])
        for panel in prange((n_out + width - 1) // width, nogil=True, num_threads=threads, schedule="static"):
            t = threadid()
            i = panel * width
            fill_panel(&matrix[0, 0] + i * column_step, row_step, column_step, &used[0], n_used, min(width, n_out - i),
                       width, &panels[t, 0])
            sum_panel(&active[0, 0], n_in, &n_active[0], height, &panels[t, 0], min(width, n_out - i), width,
                      &out[start, i], NULL if velocity is None else &velocity[start, i],
                      NULL if base is None else &base[start, i], n_out, step)
