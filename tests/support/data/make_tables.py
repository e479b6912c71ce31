"""Writes the small tables that tests/task/file_dataset_test.cpp reads, with the libraries users write theirs with.

One table of 7 rows and 4 columns in every format; its numbers are multiples of 1/4, exact in single precision too.
"""
import pathlib

import h5py
import numpy as np

here = pathlib.Path(__file__).parent
table = np.array(
    [
        [1.0, -2.5, 1e6, 3],
        [0.25, 0.0, 1e6, 3],
        [-1.75, 4.5, 1e6, 8],
        [12.0, -0.5, 1e6, 3],
        [3.5, 2.25, 1e6, 8],
        [-0.25, 7.0, 1e6, 8],
        [6.0, -3.0, 1e6, 3],
    ]
)

np.savetxt(here / "table.csv", table, delimiter=",", header="x1,x2,x3,label", fmt="%.17g", comments="")
np.save(here / "table.npy", table)
np.save(here / "table_fortran_single.npy", np.asfortranarray(table, dtype="<f4"))
np.save(here / "big_endian.npy", table.astype(">f8"))

with h5py.File(here / "table.h5", "w", track_order=False) as file:
    file.create_dataset("data", data=table)
    file.create_dataset("group/single", data=table.astype("<f4"), chunks=(3, 2), compression="gzip")
    file.create_dataset("integers", data=(4 * table).astype("<i4"))
    file.create_dataset("one_dimensional", data=table[:, 0])
    file.create_dataset("empty", shape=(0, 4), dtype="<f8")
    file.create_dataset("texts", data=np.array([[b"a", b"b"], [b"c", b"d"]]))
    bad = table.copy()
    bad[4, 1] = np.nan
    file.create_dataset("not_a_number", data=bad)
