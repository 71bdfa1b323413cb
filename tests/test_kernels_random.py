"""The counter-based random numbers of the kernels, and the draws of units that they decide."""
import numpy as np
import pytest

from kernel_calls import KEY, SHAPES, sigma
from minife import kernels
from minife.kernels import reference
from proofs import proves


def philox_by_hand(counter, key):
    """Return Philox4x32-10 of any counter (4 words) and key (2 words), in Python's integers."""
    (x0, x1, x2, x3), (k0, k1) = counter, key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * x0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * x2, 2**32)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return x0, x1, x2, x3


@pytest.mark.parametrize("counter, key, answer",
                         [("00000000 00000000 00000000 00000000", "00000000 00000000",
                           "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
                          ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
                           "408f276d 41c83b0e a20bc7c6 6d5451fd"),
                           ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
                            "d16cfe09 94fdcceb 5001e420 24126ea1")])
def test_philox_by_hand_gives_the_published_answers(counter, key, answer):
    """(K2): the known answers of the Random123 distribution. The kernels keep the last counter word
    at 0."""
    counter, key, answer = ([int(word, 16) for word in words.split()]
                            for words in (counter, key, answer))
    assert philox_by_hand(counter, key) == tuple(answer)


@proves("K2", "K3")
def test_random_words_are_philox_of_block_row_and_draw(twin):
    """(K2), (K3): word w of block k goes to unit w n_blocks + k; at key 0 stands the published
    answer."""
    assert twin.random_words(0, 0, 1,
                             4).tolist() == [[0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]]
    for key, draw in [(0, 0), (KEY, 1), (2**64 - 1, 2**32 - 1), (2**32, 12345)]:
        words = np.array([[philox_by_hand((k, row, draw, 0), (key % 2**32, key >> 32))
                           for k in range(5)] for row in range(3)])
        words = words.transpose(0, 2, 1).reshape(3, 20)
        assert np.array_equal(twin.random_words(key, draw, 3, 17), words[:, :17])


def test_a_row_has_its_own_stream_and_a_key_and_a_draw_change_all_of_it(twin):
    """(K3): rows do not see each other; two random words agree once in 2^32."""
    words = twin.random_words(KEY, 0, 100, 30)
    assert np.array_equal(twin.random_words(KEY, 0, 3, 30), words[:3])
    for key, draw in [(KEY + 1, 0), (KEY + 2**32, 0), (KEY, 1)]:
        assert not (twin.random_words(key, draw, 100, 30) == words).any()


@proves("K3")
@pytest.mark.parametrize("dtype, bits", [(np.float64, 31), (np.float32, 23)])
def test_a_unit_is_on_if_its_uniform_number_lies_below_its_mean(twin, dtype, bits):
    """(K3), (R4): the number is made of the upper bits of the word; a mean that is this very number
    leaves the unit off, and the next larger one turns it on"""
    for n, _, n_units in SHAPES:
        words = reference.random_words(KEY, 3, n, n_units)
        u = (((words >> np.uint32(32 - bits)) + 0.5) * 2.0**-bits).astype(dtype)
        assert not twin.draw_units(u, KEY, 3).any()
        assert twin.draw_units(np.nextafter(u, dtype(1)), KEY, 3).all()


def chi_square(cells, n_cells):
    """Return sum (count - expected)^2 / expected of numbers 0 to n_cells - 1, in sigmas from its
    mean, n_cells - 1."""
    counts, expected = np.bincount(cells.ravel(), minlength=n_cells), cells.size / n_cells
    chi = ((counts - expected) ** 2).sum() / expected
    return (chi - (n_cells - 1)) / np.sqrt(2 * (n_cells - 1))


def test_random_words_are_uniform():
    """(K3) on 2^20 words: each statistic is within 5 sigma of its value for independent uniform
    words."""
    n, words = 2**20, kernels.random_words(KEY, 0, 1024, 1024)
    u = words / 2.0**32 - 0.5
    # the moment k of u in (-1/2, 1/2), and 2k of it
    for k in (1, 2, 3, 4):
        moment, square = 0 if k % 2 else 1 / (2**k * (k + 1)), 1 / (4**k * (2 * k + 1))
        assert abs((u**k).mean() - moment) < 5 * np.sqrt((square - moment**2) / n)
    for shift in (0, 8, 16, 24):
        assert abs(chi_square((words >> np.uint32(shift)).astype(np.uint8), 256)) < 5
    for bit in range(32):
        assert abs(((words >> np.uint32(bit)) & np.uint32(1)).mean() - 0.5) < 5 / np.sqrt(4 * n)
    # of which one in 2^32 is of equal words
    pairs = n * (n - 1) / 2
    assert abs(n - len(np.unique(words)) - pairs / 2**32) < 5 * np.sqrt(pairs / 2**32)


def test_neighbours_in_every_direction_are_independent():
    """(K3) on 2^20 words: the correlation of the pairs, and the 16 x 16 table of their four highest
    and of their four lowest bits, are within 5 sigma of what independent uniform words give."""
    # 256 blocks a row, whose words are 256 apart
    words = kernels.random_words(KEY, 0, 1024, 1024)
    others = [kernels.random_words(*start, 1024, 1024)
              for start in [(KEY, 1), (KEY + 1, 0), (KEY + 2**32, 0)]]
    neighbours = {"rows": (words[1:], words[:-1]), "blocks": (words[:, 1:], words[:, :-1]),
                  "words of a block": (words[:, 256:], words[:, :-256]),
                  "draws": (words, others[0]), "keys": (words, others[1]),
                  "keys, high half": (words, others[2])}
    for where, (x, y) in neighbours.items():
        assert abs(((x / 2.0**32 - 0.5)
                    * (y / 2.0**32 - 0.5)).mean()) < 5 / 12 / np.sqrt(x.size), where
        for shift in (0, 28):
            first, second = ((z >> np.uint32(shift)) & np.uint32(15) for z in (x, y))
            assert abs(chi_square(16 * first + second, 256)) < 5, where


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_unit_is_on_with_the_probability_of_its_field(twin, dtype):
    """(R4): the frequency of ones over 40000 rows is sigma(beta (b + v W)) within 5 sigma, unit by
    unit."""
    n, beta, W = 40000, 0.7, np.array([[1, -2, 0.5, 3, 0], [4, 1, -1, 0, -2]], dtype)
    bias = np.array([0, 0.3, -1, -5, 2], dtype)
    for v in np.array([[0, 0], [1, 0], [1, 1]], np.uint8):
        p = sigma(beta * (bias + v @ W))
        samples, _ = twin.anneal_units(np.tile(v, (n, 1)), W, bias, 0.0, beta, KEY, 5)
        frequency = samples.mean(axis=0)
        assert np.all(np.abs(frequency - p) < 5 * np.sqrt(p * (1 - p) / n))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saturated_units_do_not_fluctuate(twin, dtype):
    """(R4): the numbers of key 0, draw 1 include 0xffffffef, whose u must not round up to 1 in
    float32."""
    assert reference.random_words(0, 1, 269, 4000)[268, 2183] == 0xFFFFFFEF
    assert twin.draw_units(np.ones((269, 4000), dtype), 0, 1).min() == 1
    assert twin.draw_units(np.zeros((269, 4000), dtype), 0, 1).max() == 0
