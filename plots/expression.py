"""Arithmetic of columns, as a command line has it: `1 - test_accuracy`, `test_loss / first(test_loss)`.

No code is run: the text is parsed, and nothing but numbers, names of columns, + - * / ^ (or **), brackets and FUNCTIONS
is computed. Every value is an array with one entry a row, in double: 9^9^9^9 is infinite, and not long.
"""

import ast

import numpy as np

from mfld import results
import nearest

LONGEST = 300  # characters
OPERATIONS = {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Pow: np.power,
              ast.USub: np.negative, ast.UAdd: np.positive}


def _of_all_rows(value):
    """A function of a column that is one number, on every row."""
    return lambda column: np.full_like(column, value(column))


# name: (least number of arguments, most, function)
FUNCTIONS = {
    "log": (1, 1, np.log),
    "log2": (1, 1, np.log2),
    "log10": (1, 1, np.log10),
    "exp": (1, 1, np.exp),
    "sqrt": (1, 1, np.sqrt),
    "abs": (1, 1, np.abs),
    "min": (2, 2, np.minimum),
    "max": (2, 2, np.maximum),
    "first": (1, 1, _of_all_rows(lambda column: column[0])),
    "last": (1, 1, _of_all_rows(lambda column: column[-1])),
    "lowest": (1, 1, _of_all_rows(np.min)),
    "highest": (1, 1, _of_all_rows(np.max)),
}


class Expression:
    """A parsed text: `names` are the columns that it needs; an Error, which begins with the option, if it is none."""

    def __init__(self, text, option="--y"):
        self.text, self._said = text, f"{option} {text}"
        self.names = []
        self._tree = self._parsed()
        self._check(self._tree)

    def __call__(self, columns, num_rows):
        """[num_rows]: the value on every row of the columns {name: [num_rows]}."""
        with np.errstate(all="ignore"):
            return self._value(self._tree, columns, num_rows)

    def _parsed(self):
        if len(self.text) > LONGEST:
            raise results.Error(f"{self._said[:40]}...: is longer than {LONGEST} characters.")
        try:
            return ast.parse(self.text.strip().replace("^", "**"), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise results.Error(f"{self._said}: is no expression of columns, such as 1 - test_accuracy.") from None

    def _check(self, node):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return
        if isinstance(node, ast.Name):
            self.names += [node.id] * (node.id not in self.names)
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            self._check_call(node.func.id, node.args)
            parts = node.args
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
            parts = [node.left, node.right]
        elif isinstance(node, ast.UnaryOp) and type(node.op) in OPERATIONS:
            parts = [node.operand]
        else:
            raise results.Error(f"{self._said}: only numbers, columns, + - * / ^, brackets and the functions "
                                f"{', '.join(FUNCTIONS)} are allowed.")
        for part in parts:
            self._check(part)

    def _check_call(self, name, arguments):
        if name not in FUNCTIONS:
            raise results.Error(f"{self._said}: there is no function {name}; {nearest.hint(name, FUNCTIONS)}.")
        least, most, _ = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise results.Error(f"{self._said}: {name} takes {least} argument{'s' if least > 1 else ''}, and has "
                                f"{len(arguments)}.")

    def _value(self, node, columns, num_rows):
        def of(part):
            return self._value(part, columns, num_rows)

        if isinstance(node, ast.Constant):
            return np.full(num_rows, _double(node.value))
        if isinstance(node, ast.Name):
            return np.asarray(columns[node.id], float)
        if isinstance(node, ast.Call):
            return FUNCTIONS[node.func.id][2](*map(of, node.args))
        if isinstance(node, ast.BinOp):
            return OPERATIONS[type(node.op)](of(node.left), of(node.right))
        return OPERATIONS[type(node.op)](of(node.operand))


def _double(number):
    try:
        return float(number)
    except OverflowError:
        return np.inf
