"""How fast opsbook is beside others that do the same: `python -m tests.benchmarks [NAME…]`. Not part of the test suite."""
