"""The virtual environments of the peers that Debian has no packages of, made on first use.

PyTorch's package on the index is the one for graphics processors: its CPU part does all that is timed here, but loads
only where some libraries of several gigabytes are. Where they are missing, libraries of the same names stand in for
them whose functions answer "no device". An index that has a package without them (pip's own setting) needs none.
"""

import collections
import pathlib
import shutil
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parents[1]
MODULES = {"jax": "jax", "torch": "torch", "neural-tangents": "jax"}
OF_THEIR_OWN = ("neural-tangents",)  # need other versions than the others: requirements and an environment by their names
NO_DEVICE = 100  # cudaErrorNoDevice
NOT_REACHED = ("No matching distribution", "NewConnectionError", "ConnectionError", "ConnectTimeout", "ProxyError", "SSLError")


class NotInstalled(Exception):
    """In words, why a peer cannot be had."""


def requirements(peer):
    """([name==version], megabytes to download) of what a peer needs."""
    pins, megabytes = [], 0
    file = f"requirements-{peer}.txt" if peer in OF_THEIR_OWN else "requirements.txt"
    for line in (BENCH / file).read_text().splitlines():
        pin, _, note = line.partition("#")
        *peers, size = note.split() or [""]
        if pin.strip() and peer in peers:
            pins.append(pin.strip())
            megabytes += int(size)
    return pins, megabytes


def python_with(peers, build):
    """The interpreter of an environment under `build` that has these peers; installs what is missing. One that has an
    environment of its own is asked for alone."""
    folder = pathlib.Path(build) / (f"peers-{peers[0]}" if peers[0] in OF_THEIR_OWN else "peers")
    python = folder / "bin" / "python"
    missing = [peer for peer in peers if not _is_there(python, folder, peer)]
    if not missing:
        return python
    for peer in missing:
        _install(peer, folder, python)
    size = subprocess.run(["du", "-sm", folder], capture_output=True, text=True, check=False).stdout.split()[0]
    print(f"compare: {folder} now has {', '.join(peers)}: {size} MB", file=sys.stderr)
    return python


def _stamp(folder, peer):
    return folder / f"installed-{peer}.txt"


def _is_there(python, folder, peer):
    stamp = _stamp(folder, peer)
    return python.exists() and stamp.exists() and stamp.read_text().split() == requirements(peer)[0]


def _install(peer, folder, python):
    pins, megabytes = requirements(peer)
    name = pins[0]
    print(f"compare: installing {name} into {folder}: {megabytes} MB to download", file=sys.stderr, flush=True)
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise NotInstalled(f"--peers {peer}: {sys.executable} makes no virtual environments (on Debian: python3-venv)")
    pip = [python, "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--quiet", "--disable-pip-version-check", *pins]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotInstalled(_why(peer, name, done.stderr))
    if peer == "torch" and not _imports(python, peer):
        try:
            _stand_in_for_missing_libraries(folder)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotInstalled(f"--peers {peer}: {name} needs a C compiler and binutils to load: {error}") from error
    if not _imports(python, peer):
        raise NotInstalled(f"--peers {peer}: {name} is installed in {folder} and does not load there")
    _stamp(folder, peer).write_text("\n".join(pins) + "\n")


def _why(peer, name, said):
    said = [line for line in said.splitlines() if line.strip()]
    reached = not any(word in line for line in said for word in NOT_REACHED)
    errors = [line for line in said if line.startswith("ERROR")] or said[-1:] or ["nothing"]
    what = f"{name} could not be installed" if reached else f"no Python package index that has {name} is reached"
    return f"--peers {peer}: {what}; pip says: {errors[-1].removeprefix('ERROR: ')}"


def _imports(python, peer):
    command = [python, "-c", f"import {MODULES[peer]}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


# --- libraries that stand in for those of graphics processors

FOREIGN = ("libcu", "libnccl", "libnv")
FOREIGN_NAMES = ("cu", "__cuda", "nccl", "nv")


def _lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _symbols(libraries, which):
    return {line.split()[-1] for library in libraries for line in _lines("nm", "-D", which, library)}


def _stand_in_for_missing_libraries(folder):
    """Writes them where PyTorch's libraries look: every undefined function of theirs, in the version they want it."""
    (site,) = (folder / "lib").glob("python3*/site-packages")
    libraries = sorted((site / "torch" / "lib").glob("*.so*"))
    own = {name.partition("@")[0] for name in _symbols(libraries, "--defined-only")}
    wanted = collections.defaultdict(list)  # version -> functions
    for symbol in sorted(_symbols(libraries, "--undefined-only")):
        name, _, version = symbol.partition("@")
        if name.startswith(FOREIGN_NAMES) and name not in own:
            wanted[version].append(name)
    entries = [line for library in libraries for line in _lines("readelf", "-d", library) if "(NEEDED)" in line]
    needed = sorted({line.partition("[")[2].rstrip("]") for line in entries})
    needed = [name for name in needed if name.startswith(FOREIGN)]
    place = site / "nvidia" / "cu13" / "lib"
    place.mkdir(parents=True, exist_ok=True)
    # A version has its library's name, or is of the last library, which also takes what has no version.
    others = {version: names for version, names in wanted.items() if version not in needed}
    for library in needed:
        versions = others if library == needed[-1] else {library: wanted.get(library, [])}
        _write_library(place / library, versions)


def _write_library(path, versions):
    functions = "".join(f"int {name}(void) {{ return {NO_DEVICE}; }}\n" for names in versions.values() for name in names)
    nodes = [f"{version} {{ global: {'; '.join(names)}; }};\n" for version, names in versions.items() if version and names]
    script = path.with_suffix(".versions")
    script.write_text("".join(nodes))
    flags = ["-w", "-fno-builtin", "-shared", "-fPIC", f"-Wl,-soname,{path.name}"]
    flags += [f"-Wl,--version-script={script}"] if nodes else []
    command = ["cc", *flags, "-x", "c", "-", "-o", path]
    subprocess.run(command, input=functions, text=True, check=True)
