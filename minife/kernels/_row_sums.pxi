# Products with binary states need no multiplication: they are sums of the rows of a matrix that are
# switched on  (K1)
#
# A part of _gibbs.pyx. The matrix is cut into panels of a few columns, so that the fastest caches
# hold its rows. Threads share the panels, and no number depends on how.
import sys

cdef enum:
    LISTS = 131072        # numbers in the lists of a tile, rows summed together: 256 kB a thread
    FEWEST = 128          # rows of a tile for each thread: it reads the matrix once
    FEW = 256             # rows of a matrix of which the fastest cache holds four vectors each
    LARGEST_LIST = 65536  # units that a 16-bit index can name


cdef class Workspace:
    """The memory that one call works in: blocks that begin at multiples of 64 bytes. As arrays each
    would cost a microsecond, half as much as a small call."""
    cdef void *blocks[6]
    cdef int n

    cdef void *take(self, size_t n_bytes) except NULL:
        """Return the address of n_bytes, not filled; six times at most."""
        cdef void *block = malloc(n_bytes + 64)
        if block == NULL:
            raise MemoryError(f"no memory for {n_bytes} bytes")
        self.blocks[self.n] = block
        self.n += 1
        return <char *>block + (-<size_t>block & 63)

    def __dealloc__(self):
        for block in self.blocks[:self.n]:
            free(block)


cdef uint16_t[256][8] places  # for each byte that eight units can make, where those on stand
cdef uint8_t[256] counts      # and how many they are
cdef int byte, unit
for byte in range(256):
    for unit in range(8):
        places[byte][counts[byte]] = unit
        counts[byte] += byte >> (unit if sys.byteorder == "little" else 7 - unit) & 1


cdef cloned list_row(const uint8_t *state, Py_ssize_t n_in, uint16_t *active,
                     Py_ssize_t *n_active) noexcept nogil:
    """active = np.flatnonzero(state), eight units at a time: their bits make a byte, and a table
    lists those on

    Of 16 numbers at active + k, which is at most active + i, those after the counted ones are
    overwritten by the next. Whatever the bytes are, they name units below n_in: of states that are
    not 0 or 1 the list is wrong, but harmless."""
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
        k += state[i] & 1
    n_active[0] = k


cdef void list_columns(const uint8_t *states, Py_ssize_t step, Py_ssize_t n_in,
                       Py_ssize_t n_columns, uint16_t *active, Py_ssize_t list_step,
                       Py_ssize_t *n_active, uint16_t *scratch) noexcept nogil:
    """active = np.flatnonzero(states[:, l]) for each column l; rows lie `step` bytes apart"""
    cdef Py_ssize_t i, k, n, column
    for column in range(n_columns):
        n_active[column] = 0
    for i in range(n_in):
        list_row(states + i * step, n_columns, scratch, &n)
        for k in range(n):
            column = scratch[k]
            active[column * list_step + n_active[column]] = <uint16_t>i
            n_active[column] += 1


cdef cloned gather_bits(const uint8_t *states, Py_ssize_t step, Py_ssize_t n, Py_ssize_t n_in,
                        uint8_t *bits) noexcept nogil:
    """bits = those that occur in n lines of n_in states"""
    cdef Py_ssize_t r, i
    cdef uint8_t found = 0
    for r in range(n):
        for i in range(n_in):
            found |= states[r * step + i]
    bits[0] = found


cdef cloned any_row(const uint8_t *states, Py_ssize_t step, Py_ssize_t n, Py_ssize_t n_in,
                    uint8_t *used) noexcept nogil:
    """used = states.any(axis=0)"""
    cdef Py_ssize_t r, i
    for i in range(n_in):
        used[i] = states[i]
    for r in range(1, n):
        for i in range(n_in):
            used[i] |= states[r * step + i]


cdef cloned fill_panel(const real *matrix, Py_ssize_t row_step, Py_ssize_t column_step,
                       const uint16_t *used, Py_ssize_t n_used, Py_ssize_t n_columns,
                       Py_ssize_t width, real *panel) noexcept nogil:
    """panel[used, :n_columns] = matrix[used, :n_columns], rows of `width` numbers, and 0 in the
    columns behind"""
    cdef Py_ssize_t m = 64 // sizeof(real), k = 0, l, i
    if n_columns == width and column_step == 1:
        while k < n_used:
            i = used[k]
            for l in range(width // m):
                memcpy(panel + i * width + l * m, matrix + i * row_step + l * m, 64)
                prefetch(matrix + i * row_step + width + l * m, 0)
            k += 1
    elif n_columns == width and row_step == 1:  # the transpose of a matrix: in squares
        while k <= n_used - m:
            for l in range(width // m):
                if real is float:
                    transpose_float(matrix + l * m * column_step + k, column_step,
                                    panel + k * width + l * m, width)
                else:
                    transpose_double(matrix + l * m * column_step + k, column_step,
                                     panel + k * width + l * m, width)
            k += m
    while k < n_used:
        i = used[k]
        for l in range(n_columns):
            panel[i * width + l] = matrix[i * row_step + l * column_step]
        for l in range(n_columns, width):
            panel[i * width + l] = 0
        k += 1


cdef cloned sum_panel(const uint16_t *active, Py_ssize_t list_step, const Py_ssize_t *n_active,
                      Py_ssize_t n, const real *panel, Py_ssize_t n_columns, Py_ssize_t width,
                      real *out, Py_ssize_t out_step) noexcept nogil:
    """out = the sums of the listed rows of a panel  (K1)"""
    cdef Py_ssize_t r, l, m = 64 // sizeof(real)
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
        for l in range(width // m):
            prefetch(out + width + l * m, 1)
        active += list_step
        out += out_step


def binary_product(const uint8_t[:, :] states not None, const real[:, :] matrix not None):
    """Return states @ matrix for 0/1 states (n, n_in) and a matrix (n_in, n_out)  (K1)"""
    if states.shape[1] != matrix.shape[0]:
        raise mismatch(states=states, matrix=matrix)
    cdef Py_ssize_t n = states.shape[0], n_in = states.shape[1], n_out = matrix.shape[1]
    if n_in > LARGEST_LIST:
        return reference.binary_product(np.asarray(states), np.asarray(matrix))
    dtype = np.float32 if real is float else np.float64
    if n == 0 or n_in == 0 or n_out == 0:
        return np.zeros((n, n_out), dtype)
    if is_odd(&matrix[0, 0], matrix.strides[0] | matrix.strides[1], sizeof(real)):
        matrix = np.array(matrix, order="C")
    cdef bint by_column = states.strides[0] == 1 and states.strides[1] != 1
    if not by_column and states.strides[1] != 1:
        states = np.ascontiguousarray(states)
    cdef uint8_t bits
    if by_column:
        gather_bits(&states[0, 0], states.strides[1], n_in, n, &bits)
    else:
        gather_bits(&states[0, 0], states.strides[0], n, n_in, &bits)
    if bits > 1:
        raise ValueError(f"states must be 0 or 1, got {np.max(states)}")
    cdef Py_ssize_t row_step = matrix.strides[0] // sizeof(real)
    cdef Py_ssize_t column_step = matrix.strides[1] // sizeof(real)
    cdef Py_ssize_t width = (4 if n_in <= FEW else 2) * 64 // sizeof(real)
    cdef Py_ssize_t start, height, share, n_used = n_in, panel, i, r, t
    cdef int threads = threads_for(<double>n * n_in * n_out)
    cdef Py_ssize_t tile = min(n, threads * max(FEWEST, LISTS // n_in), LARGEST_LIST)
    cdef Workspace work = Workspace()
    cdef real *panels = <real *>work.take(threads * n_in * width * sizeof(real))
    cdef uint16_t *active = <uint16_t *>work.take(tile * n_in * sizeof(uint16_t))
    cdef Py_ssize_t *n_active = <Py_ssize_t *>work.take(tile * sizeof(Py_ssize_t))
    cdef uint16_t *scratch = <uint16_t *>work.take(threads * tile * sizeof(uint16_t))
    cdef uint16_t *used = <uint16_t *>work.take(n_in * sizeof(uint16_t))
    cdef uint8_t *on = <uint8_t *>work.take(n_in)
    out_array = np.empty((n, n_out), dtype)
    cdef real[:, ::1] out = out_array
    for i in range(n_in):
        used[i] = <uint16_t>i
    #> return states.astype(matrix.dtype) @ matrix
    for start in range(0, n, tile):
        PyErr_CheckSignals()
        height = min(tile, n - start)
        if by_column:
            share = (height + threads - 1) // threads
            for r in prange(0, height, share, nogil=True, num_threads=threads, schedule="static"):
                list_columns(&states[start + r, 0], states.strides[1], n_in,
                             min(share, height - r), active + r * n_in, n_in, n_active + r,
                             scratch + threadid() * tile)
        else:
            if row_step != 1:  # a transposed matrix is faster whole
                any_row(&states[start, 0], states.strides[0], height, n_in, on)
                list_row(on, n_in, used, &n_used)
            for r in prange(height, nogil=True, num_threads=threads, schedule="static"):
                list_row(&states[start + r, 0], n_in, active + r * n_in, n_active + r)
        for panel in prange((n_out + width - 1) // width, nogil=True, num_threads=threads,
                            schedule="static"):
            t = threadid()
            i = panel * width
            fill_panel(&matrix[0, 0] + i * column_step, row_step, column_step, used, n_used,
                       min(width, n_out - i), width, panels + t * n_in * width)
            sum_panel(active, n_in, n_active, height, panels + t * n_in * width,
                      min(width, n_out - i), width, &out[start, i], n_out)
    return out_array
