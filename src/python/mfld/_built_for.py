"""The interpreter that this package was built for."""

TAG = "cpython-311"
PYTHON = "/tmp/tmpgm6tdva7/venv/bin/python"
