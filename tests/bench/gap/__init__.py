"""The parts of tests/bench/time_to_gap."""
