"""Every claim of the chapter about free energies and backprop, run and measured: see verdict.py."""
