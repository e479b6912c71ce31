#!/usr/bin/env python3
"""activation_test.py REPOSITORY WORK_DIR COMPILER FLAGS GENERATOR

Follows the README's recipe for a new activation in a copy of the sources, builds what was added and runs it; and leaves
out one place of the recipe after the other: none of these may compile.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys

# The recipe, one entry a place: a file, what stands there, what then stands there.
STRUCT = """struct Softsign : Row<Activation::softsign> {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return hn::Div(z, hn::Add(hn::Set(d, 1), hn::Abs(z)));
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z) {
    const V root = hn::Add(hn::Set(d, 1), hn::Abs(z));
    return hn::Div(hn::Set(d, 1), hn::Mul(root, root));
  }
};

"""
RECIPE = {
    "enumerator": ("include/mfld/model/activation.hpp", "linear };", "linear, softsign };"),
    "row": ("include/mfld/model/activation.hpp", '"z", false},\n', '"z", false},\n    {Activation::softsign, "softsign", "z / (1 + |z|)", true},\n'),
    "struct": ("src/kernels/activation-inl.hpp", "/// sigma of a pre-activation", STRUCT + "/// sigma of a pre-activation"),
    "case": ("src/kernels/activation-inl.hpp", "      return body(Linear{});\n", "      return body(Linear{});\n    case Activation::softsign:\n      return body(Softsign{});\n"),
    "symmetry": ("src/observe/alignment.cpp", "    case Activation::linear:\n", "    case Activation::linear:\n    case Activation::softsign:\n"),
    "dual form": ("src/kernels/dual_form.cpp", "  }\n  return {};\n", "    case Activation::softsign:\n      return {};\n  }\n  return {};\n"),
}
# Where each missing place is noticed, and in which words.
NOTICED = {
    "row": ("src/kernels/kernels.cpp", "no row in the table of activations"),
    "case": ("src/kernels/kernels.cpp", "softsign"),
    "symmetry": ("src/observe/alignment.cpp", "softsign"),
    "dual form": ("src/kernels/dual_form.cpp", "softsign"),
}


def copy_sources(repository, copy):
    shutil.rmtree(copy, ignore_errors=True)
    os.makedirs(copy)
    for name in ["CMakeLists.txt", ".cmake", "include", "src"]:
        source = os.path.join(repository, name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(copy, name))


def rewrite(repository, copy, without=None):
    """The files of the recipe as they are in the repository, with every place but one."""
    texts = {}
    for name, (path, old, new) in RECIPE.items():
        if path not in texts:
            with open(os.path.join(repository, path), encoding="utf-8") as file:
                texts[path] = file.read()
        if name != without:
            assert texts[path].count(old) == 1, f"{path} has {texts[path].count(old)} times {old!r}"
            texts[path] = texts[path].replace(old, new)
    for path, text in texts.items():
        with open(os.path.join(copy, path), "w", encoding="utf-8") as file:
            file.write(text)


def compile_alone(build, copy, path):
    """What the compiler says of one file, in the build's own words."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entry = next(each for each in json.load(file) if each["file"] == os.path.join(copy, path))
    command = shlex.split(entry["command"]) + ["-fsyntax-only"]
    return subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)


def main():
    repository, work, compiler, flags, generator = sys.argv[1:]
    copy, build = os.path.join(work, "copy"), os.path.join(work, "build")
    copy_sources(repository, copy)
    rewrite(repository, copy)
    shutil.rmtree(build, ignore_errors=True)
    # One instruction set and no optimisation: the arithmetic is the same.
    subprocess.run(["cmake", "-S", os.path.join(repository, "tests", "recipe"), "-B", build, "-G", generator,
                    f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={flags} -DHWY_COMPILE_ONLY_STATIC",
                    "-DCMAKE_BUILD_TYPE=Plain", f"-DMFLD={copy}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build], check=True)
    subprocess.run([os.path.join(build, "added")], check=True)
    for missing, (path, words) in NOTICED.items():
        rewrite(repository, copy, missing)
        result = compile_alone(build, copy, path)
        assert result.returncode != 0, f"{path} compiles without the recipe's {missing}"
        assert words in result.stderr, f"without the recipe's {missing}: {result.stderr}"


main()
