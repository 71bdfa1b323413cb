"""How many threads a job of the kernels gets: as many as have a core for themselves.

Threads of a job wait for each other, so one that shares its core with another process holds all of
them up: the job then takes longer than on one core. No result depends on the number of threads."""
import os
import time

from ._inline cimport CHECKSUM, available_threads

checksum = CHECKSUM
cdef int most = available_threads(), chosen = 0, free_cores = most, n_cores = os.cpu_count() or 1
cdef double looked = 0, worked = 0  # when it was, and what other processes had worked until then
cdef double LOOK = 0.1              # seconds from look to look: ten ticks of the system's clock
cdef double SMALL = 1e7             # additions that take as long as waking another thread


cdef work_of_others():
    """Return the seconds that the cores have worked for other processes, where that is known."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, interrupts, soft, *_ = map(int, file.readline().split()[1:])
    except (OSError, ValueError):
        return -time.process_time()  # as if nobody else worked
    ticks = user + nice + system + interrupts + soft
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()


cdef running():
    """Return how many threads of the whole machine run or wait for a core, this one included."""
    try:
        with open("/proc/loadavg") as file:
            return int(file.read().split()[3].partition("/")[0])
    except (OSError, ValueError):
        return 1


def look_around():
    """Return how many cores other processes have left free since the last look, or leave now."""
    global looked, worked, free_cores
    now, work, seconds = time.perf_counter(), work_of_others(), time.perf_counter() - looked
    busy = (work - worked) / seconds if seconds < 2 * LOOK else running() - 1
    looked, worked, free_cores = now, work, max(1, min(most, <int>(n_cores - busy + 0.4)))
    return free_cores


def set_threads(n):
    """Let the kernels use n threads, whatever others do; None: as many as have a core."""
    global chosen
    chosen = n or 0


cdef int threads_for(double n_additions) noexcept:
    """Return how many threads a job gets."""
    if n_additions <= SMALL:
        return 1
    if chosen > 0 or most == 1:
        return max(chosen, 1)
    if time.perf_counter() > looked + LOOK:
        look_around()
    return free_cores
