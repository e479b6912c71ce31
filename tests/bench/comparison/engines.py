"""The programs that mfld is timed beside, and what is tried to find each at its best."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Engine:
    name: str  # as the table has it
    family: str  # as --peers has it
    program: str = ""  # a Python program of this folder
    kind: str = ""
    in_one_graph: bool = False  # its chunks are written out one by one


ENGINES = {
    "torch": Engine("PyTorch, hand-written", "debian", "peers.py", "torch"),
    "autograd": Engine("PyTorch, autograd", "debian", "peers.py", "autograd"),
    "numpy": Engine("NumPy", "debian", "peers.py", "numpy"),
    "eigen": Engine("plain Eigen", "debian"),
    "jax": Engine("JAX, hand-written", "jax", "jax_peer.py", "jax"),
    "jaxgrad": Engine("JAX, jax.grad", "jax", "jax_peer.py", "jaxgrad"),
    "torch2": Engine("PyTorch 2, eager", "torch", "peers.py", "torch"),
    "compiled": Engine("torch.compile", "torch", "peers.py", "compiled", in_one_graph=True),
}
FAMILIES = ("debian", "jax", "torch")
BYTES = {"double": 8, "single": 4}
MOST_CHUNKS_IN_GRAPH = 8


def of_families(families):
    return [engine for engine, peer in ENGINES.items() if peer.family in families]


def chunk_sizes(setting, precision):
    """Samples whose activations fill about 1, 4, 32 and 256 MB: a near cache, a far one, and what memory takes."""
    row = setting.particles * BYTES[precision]
    sizes = {max(8, min(setting.step_samples, (megabytes << 20) // row // 8 * 8)) for megabytes in (1, 4, 32, 256)}
    return sorted({min(size, setting.step_samples) for size in sizes})


def stages(engine, setting, precision):
    """Lists of requests, of each of which the fastest is kept before the next list is tried."""
    sizes = chunk_sizes(setting, precision)
    if ENGINES[engine].in_one_graph:
        few = [size for size in sizes if setting.step_samples <= MOST_CHUNKS_IN_GRAPH * size]
        return [[f"chunk {size}" for size in few or sizes[-1:]], ["noise library", "noise compiled"]]
    chunks = [f"chunk {size}" for size in sizes]
    if ENGINES[engine].family == "jax":
        return [chunks, [f"generator {name}" for name in ("unsafe_rbg", "rbg", "threefry")]]
    return [chunks]
