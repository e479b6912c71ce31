"""Where packages go below the prefix argv[1]: the folder there in which this interpreter looks, else that of its scheme
for packages of the system (deb_system on Debian), from which other prefixes get theirs."""

import pathlib
import site
import sys
import sysconfig

prefix = pathlib.Path(sys.argv[1])
for folder in map(pathlib.Path, site.getsitepackages()):
    if folder.is_relative_to(prefix) and folder.relative_to(prefix).parts[0].startswith("lib"):
        print(folder.relative_to(prefix))
        break
else:
    scheme = "deb_system" if "deb_system" in sysconfig.get_scheme_names() else sysconfig.get_default_scheme()
    print(sysconfig.get_path("platlib", scheme, vars={"base": "", "platbase": ""}).lstrip("/"))
