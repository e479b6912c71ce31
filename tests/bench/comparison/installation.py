"""What the comparison needs of the machine: packages, an interpreter that has them, built programs."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGES = {"python3-numpy": "", "python3-torch": "debian", "libopenblas0-openmp": "debian"}  # for which of the peers
PLACES = ("/usr/bin/python3", "/usr/local/bin/python3")


def _is_installed(package):
    query = ["dpkg-query", "-W", "-f=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


def packages(peers):
    return [package for package, peer in PACKAGES.items() if not peer or peer in peers]


def modules(peers):
    return ["numpy", "torch"] if "debian" in peers else ["numpy"]


def install_packages(peers=("debian",)):
    """Installs what is missing of the Debian packages, and says so. Elsewhere: says what is needed."""
    needed = packages(peers)
    if shutil.which("dpkg-query") is None:
        print(f"compare: not a Debian system; needed are its equivalents of {', '.join(needed)}", file=sys.stderr)
        return
    missing = [package for package in needed if not _is_installed(package)]
    if not missing:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    print(f"compare: installing {' '.join(missing)}", file=sys.stderr)
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    subprocess.run([*apt, "update", "-qq"], check=True)
    install = [*apt, "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(install, check=True, stdout=sys.stderr)


def _has_modules(python, names):
    command = [python, "-c", "import " + ", ".join(names)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def switch_interpreter(peers=("debian",)):
    """Starts over under an interpreter that has numpy and, for Debian's peers, torch, if this one has not."""
    names = modules(peers)
    if all(importlib.util.find_spec(name) for name in names):
        return
    for place in PLACES:
        if os.path.exists(place) and place != sys.executable and _has_modules(place, names):
            os.execv(place, [place, *sys.argv])
    sys.exit(f"compare: needs an interpreter with the modules {', '.join(names)}; tried {', '.join(PLACES)}")


def build(folder):
    """Builds the programs to time. Existing build folders keep their other options."""
    quiet = {"check": True, "stdout": sys.stderr}
    subprocess.run([ROOT / "sims/setup", "build", "tests"], **quiet)
    configure = ["cmake", "-G", "Ninja", "-S", ROOT, "-B", folder, "-DMFLD_BUILD_BENCHMARKS=ON"]
    subprocess.run(configure, **quiet)
    targets = ["mfld_program", "mfld_step_bench", "plain_eigen_bench", "ceilings_bench", "kernels_bench"]
    subprocess.run(["cmake", "--build", folder, "--target", *targets], **quiet)


def commit():
    """The commit the numbers belong to, with a + where files differ from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode != 0:
        return "no commit"
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False).stdout
    return head.stdout.strip() + ("+" if changed else "")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            family = {}
            for other in pathlib.Path("/proc/cpuinfo").read_text().splitlines()[:30]:
                key, _, value = other.partition(":")
                family[key.strip()] = value.strip()
            return f"{family['model name']} (family {family['cpu family']}, model {family['model']})"
    return "unknown processor"
