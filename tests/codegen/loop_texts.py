"""Recurrences for which code is generated; two of them are torch's own modules, weight by weight.

`rnn`, `lstm` and `gru` are torch's definitions (torch.nn.RNN, LSTM, GRU with one layer, two biases
as one where they only add up), `lstm_packed` and `gru_packed` with its arrays of all gates;
`gru_paper` resets before the product, as Cho et al. 2014 do.
"""

from __future__ import annotations

RNN = """
H[t, n, k] = tanh(sum[i](X[t, n, i] * U[k, i]) + sum[j](H[t-1, n, j] * W[k, j]) + b[k])
H[-1, n, k] = H0[n, k]
HN[n, k] = H[size[t] - 1, n, k]
return H, HN
"""
LSTM = """
I[t, n, k] = sigmoid(sum[i](X[t, n, i] * Ui[k, i]) + sum[j](H[t-1, n, j] * Wi[k, j]) + bi[k])
F[t, n, k] = sigmoid(sum[i](X[t, n, i] * Uf[k, i]) + sum[j](H[t-1, n, j] * Wf[k, j]) + bf[k])
G[t, n, k] = tanh(sum[i](X[t, n, i] * Ug[k, i]) + sum[j](H[t-1, n, j] * Wg[k, j]) + bg[k])
O[t, n, k] = sigmoid(sum[i](X[t, n, i] * Uo[k, i]) + sum[j](H[t-1, n, j] * Wo[k, j]) + bo[k])
C[t, n, k] = F[t, n, k] * C[t-1, n, k] + I[t, n, k] * G[t, n, k]
H[t, n, k] = O[t, n, k] * tanh(C[t, n, k])
C[-1, n, k] = C0[n, k]
H[-1, n, k] = H0[n, k]
HN[n, k] = H[size[t] - 1, n, k]
CN[n, k] = C[size[t] - 1, n, k]
return H, HN, CN
"""
GRU = """
R[t, n, k] = sigmoid(sum[i](X[t, n, i] * Ur[k, i]) + sum[j](H[t-1, n, j] * Wr[k, j]) + br[k])
Z[t, n, k] = sigmoid(sum[i](X[t, n, i] * Uz[k, i]) + sum[j](H[t-1, n, j] * Wz[k, j]) + bz[k])
Q[t, n, k] = sum[j](H[t-1, n, j] * Wn[k, j]) + cn[k]
N[t, n, k] = tanh(sum[i](X[t, n, i] * Un[k, i]) + bn[k] + R[t, n, k] * Q[t, n, k])
H[t, n, k] = (1 - Z[t, n, k]) * N[t, n, k] + Z[t, n, k] * H[t-1, n, k]
H[-1, n, k] = H0[n, k]
HN[n, k] = H[size[t] - 1, n, k]
return H, HN
"""
LSTM_PACKED = """
size[q] = 4
Z[t, n, q, k] = sum[i](X[t, n, i] * U[(q, k), i]) + b[(q, k)] \
              + sum[j](H[t-1, n, j] * W[(q, k), j]) + c[(q, k)]
C[t, n, k] = sigmoid(Z[t, n, 1, k]) * C[t-1, n, k] + sigmoid(Z[t, n, 0, k]) * tanh(Z[t, n, 2, k])
H[t, n, k] = sigmoid(Z[t, n, 3, k]) * tanh(C[t, n, k])
C[-1, n, k] = C0[n, k]
H[-1, n, k] = H0[n, k]
HN[n, k] = H[size[t] - 1, n, k]
CN[n, k] = C[size[t] - 1, n, k]
return H, HN, CN
"""
GRU_PACKED = """
size[q] = 3
A[t, n, q, k] = sum[i](X[t, n, i] * U[(q, k), i]) + b[(q, k)]
B[t, n, q, k] = sum[j](H[t-1, n, j] * W[(q, k), j]) + c[(q, k)]
R[t, n, k] = sigmoid(A[t, n, 0, k] + B[t, n, 0, k])
Z[t, n, k] = sigmoid(A[t, n, 1, k] + B[t, n, 1, k])
N[t, n, k] = tanh(A[t, n, 2, k] + R[t, n, k] * B[t, n, 2, k])
H[t, n, k] = (1 - Z[t, n, k]) * N[t, n, k] + Z[t, n, k] * H[t-1, n, k]
H[-1, n, k] = H0[n, k]
HN[n, k] = H[size[t] - 1, n, k]
return H, HN
"""
GRU_PAPER = """
R[t, n, k] = sigmoid(sum[i](X[t, n, i] * Ur[k, i]) + sum[j](H[t-1, n, j] * Wr[k, j]) + br[k])
Z[t, n, k] = sigmoid(sum[i](X[t, n, i] * Uz[k, i]) + sum[j](H[t-1, n, j] * Wz[k, j]) + bz[k])
N[t, n, k] = tanh(sum[i](X[t, n, i] * Un[k, i]) + bn[k]
                  + sum[j](R[t, n, j] * H[t-1, n, j] * Wn[k, j]))
H[t, n, k] = Z[t, n, k] * H[t-1, n, k] + (1 - Z[t, n, k]) * N[t, n, k]
H[-1, n, k] = H0[n, k]
return H
"""
SCAN = """
S[t, n, d, s] = exp(D[t, n, d] * A[d, s]) * S[t-1, n, d, s] + D[t, n, d] * B[t, n, s] * X[t, n, d]
S[-1, n, d, s] = 0
Y[t, n, d] = sum[s](S[t, n, d, s] * C[t, n, s])
return Y
"""
BIDIRECTIONAL = """
F[t, n, k] = tanh(sum[i](X[t, n, i] * U[k, i]) + sum[j](F[t-1, n, j] * W[k, j]))
F[-1, n, k] = 0
B[t, n, k] = tanh(sum[i](X[t, n, i] * V[k, i]) + sum[j](B[t+1, n, j] * Z[k, j]))
B[size[t], n, k] = 0
Y[t, n, k] = F[t, n, k] * B[t, n, k]
return Y
"""
STACKED = """
A[t, n, k] = tanh(sum[i](X[t, n, i] * U[k, i]) + sum[j](A[t-1, n, j] * W[k, j]))
A[-1, n, k] = A0[n, k]
B[t, n, k] = tanh(sum[i](A[t, n, i] * V[k, i]) + sum[j](B[t-1, n, j] * Z[k, j]))
B[-1, n, k] = B0[n, k]
return B
"""
MASKED = """
last: int[n]
C[t, n, k] = tanh(X[t, n, k] + sum[j](H[t-1, n, j] * W[k, j]))
H[t, n, k] = where(t < last[n], C[t, n, k], H[t-1, n, k])
H[-1, n, k] = H0[n, k]
HN[n, k] = H[size[t] - 1, n, k]
return HN
"""
SUM = "S[t, n] = S[t-1, n] + X[t, n]\nS[-1, n] = 0"
LAST_AXIS = "H[n, t] = a[n] * H[n, t-1] + X[n, t]\nH[n, -1] = h[n]"
TWO_LAGS = "Y[t] = a * Y[t-1] + b * Y[t-2] + X[t]\nY[-1] = u\nY[-2] = v"
GUARDED = "C[t] = X[t] * where(t > 0, C[t-1], 1)"
OUTSIDE = "H[t, n] = read(H[t-1, n], outside=2) * X[t, n]"
AHEAD = "H[t, n] = read(H[t+2, n], outside=X[t, n]) * X[t, n] + H[t+1, n]\nH[size[t], n] = 1"
COUNTED = "H[t, n] = H[t-1, n] * t / (t + 1) + X[t, n] / (t + 1)\nH[-1, n] = 0"
DIFFERENCES = "H: real[t, n]\nD[t, n] = H[t, n] - H[t-1, n]\nH[-1, n] = H0[n]"
VITERBI = """
V[t, k] = max[j](V[t-1, j] + A[j, k]) + X[t, k]
V[-1, k] = p[k]
L = max[k](V[size[t] - 1, k])
return L
"""
LINKED = """
E[t, k] = tanh(X[t, k] + sum[j](E[t-1, j] * W[k, j]))
E[-1, k] = 0
D[u, k] = tanh(Y[u, k] + sum[j](D[u-1, j] * V[k, j]))
D[-1, k] = E[size[t] - 1, k]
return D
"""

TEXTS = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "lstm_packed": LSTM_PACKED,
    "gru_packed": GRU_PACKED,
    "gru_paper": GRU_PAPER,
    "scan": SCAN,
    "bidirectional": BIDIRECTIONAL,
    "stacked": STACKED,
    "masked": MASKED,
    "sum": SUM,
    "last_axis": LAST_AXIS,
    "two_lags": TWO_LAGS,
    "guarded": GUARDED,
    "outside": OUTSIDE,
    "ahead": AHEAD,
    "counted": COUNTED,
    "differences": DIFFERENCES,
    "viterbi": VITERBI,
    "linked": LINKED,
}
