"""All asset checks of series and checkpoints."""

from ich_assets.checkpoints import DIGEST_CHECKS
from ich_assets.checks.images import processed_series_checks
from ich_assets.checks.panels import saliency_panels_checks
from ich_assets.checks.probabilities import ensemble_predictions_checks

SERIES_CHECKS = [processed_series_checks, ensemble_predictions_checks, saliency_panels_checks]
CHECKS = [*SERIES_CHECKS, *DIGEST_CHECKS]
