"""What an encoder's scores mean on an archive: measured, fitted on labels, and kept with it."""

from medneg.calibration.archives import CalibrationReport, calibrate_archive
from medneg.calibration.curves import Fit, calibration_error, fit
from medneg.calibration.fitting import fit_curves
from medneg.calibration.trials import Exclusion, Trial, try_promises, try_promises_of_archive

__all__ = [
    "CalibrationReport",
    "Exclusion",
    "Fit",
    "Trial",
    "calibrate_archive",
    "calibration_error",
    "fit",
    "fit_curves",
    "try_promises",
    "try_promises_of_archive",
]
