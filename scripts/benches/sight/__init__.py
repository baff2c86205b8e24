"""The parts of `scripts/bench eye`: readers, truth, what is read, what it costs, damage, size, and a plot."""
