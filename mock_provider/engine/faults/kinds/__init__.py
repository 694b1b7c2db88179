"""One module for each fault kind. The registry (``engine.faults``) imports every module of this package."""
