import time

import numpy

table = numpy.random.default_rng(1).random((4000, 4000))
time.sleep(3)
for turn in range(4):
    ordered = numpy.sort(table, axis=0)
    means = (ordered * turn).mean(axis=1)
    print(turn, means.sum(), flush=True)
    time.sleep(1)
    del ordered, means
    time.sleep(2)
