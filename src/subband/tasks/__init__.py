"""How a run goes, one file per task. ``_run`` is the only module that imports Lightning."""
