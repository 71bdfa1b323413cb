"""The post's own network, written out: sigmoid units, sigmoid outputs and cross entropy.

X (n, n_inputs) are the rows of the data, y (n, n_outputs) their targets in [0, 1]. W and b are the
post's own letters, U and d stand for its W' and b'. No class and no loop; the same network is
MLP((n_inputs, n_hidden, n_outputs), Binary(), BinaryCrossEntropy())."""
import numpy as np


def sigmoid(x):
    """Return 1 / (1 + e^-x), the mean of a binary unit in the field x  (U2)"""
    return 1 / (1 + np.exp(-x))


def forward(X, W, b, U, d):
    """Return the activations h (n, n_hidden) and the outputs m (n, n_outputs)  (B1, B2)"""
    x = X @ W + b                                                           # (n, n_hidden)
    h = sigmoid(x)
    o = h @ U + d                                                           # (n, n_outputs)
    m = sigmoid(o)
    return h, m


def loss(m, y):
    """Return the cross entropy of the outputs m with the targets y, a mean over rows  (B5, B8)"""
    return -(y * np.log(m) + (1 - y) * np.log(1 - m)).sum(axis=1).mean()


def backward(X, y, h, m, U):
    """Return the slopes of the loss in W, b, U and d, given h and m of forward()  (B4, B8, B9)"""
    d_o = (m - y) / len(X)                                                  # (n, n_outputs)
    d_U = h.T @ d_o                                                         # (n_hidden, n_outputs)
    d_d = d_o.sum(axis=0)                                                   # (n_outputs,)
    d_x = d_o @ U.T * (h - h**2)                                            # (n, n_hidden)
    d_W = X.T @ d_x                                                         # (n_inputs, n_hidden)
    d_b = d_x.sum(axis=0)                                                   # (n_hidden,)
    return d_W, d_b, d_U, d_d
