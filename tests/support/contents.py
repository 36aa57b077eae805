"""Contents of records with a value in every field, for tests that look at some of them."""

from ich_resources.storage.probability_schemas import EnsembleContent, FoldFile, PredictionsContent
from ich_resources.storage.processed_schema import FailedSlice, ProcessedContent, ProcessedSlice
from ich_resources.storage.saliency_schema import SaliencyContent


def processed_slice(sop_uid: str, **changes: object) -> ProcessedSlice:
    """Return a slice of a processed series."""
    fields = {"path": f"{sop_uid}.dcm", "position": 0.0, "position_z": 0.0, "window": (40.0, 80.0)}
    return ProcessedSlice(sop_instance_uid=sop_uid, **fields | changes)


def failed_slice(sop_uid: str, **changes: object) -> FailedSlice:
    """Return a slice that could not be decoded."""
    fields = {"path": f"{sop_uid}.dcm", "code": "DECODE_FAILED", "reason": "broken"}
    return FailedSlice(sop_instance_uid=sop_uid, **fields | changes)


def processed_content(**changes: object) -> ProcessedContent:
    """Return the content of processed_series, without slices."""
    fields = {"series_version": "v", "slices": (), "failed": (), "seconds": 0.5}
    return ProcessedContent(**fields | changes)


def predictions_content(**changes: object) -> PredictionsContent:
    """Return the content of the predictions of DenseNet121."""
    fields = {
        "backbone": "DenseNet121_change_avg",
        "images": "images",
        "folds": (FoldFile(file="model_epoch_best_0.pth", digest="0123456789abcdef" * 4),),
        "device": "cpu",
        "precision": "float32",
        "backend": "openvino",
        "slice_context": "replicated",
        "code_version": "1",
        "untrained": True,
        "seconds": 0.5,
    }
    return PredictionsContent(**fields | changes)


def ensemble_content(**changes: object) -> EnsembleContent:
    """Return the content of an ensemble of DenseNet121 alone."""
    predictions = {"DenseNet121_change_avg": "densenet121_predictions"}
    fields = {"predictions": predictions, "untrained": True, "seconds": 0.5}
    return EnsembleContent(**fields | changes)


def saliency_content(**changes: object) -> SaliencyContent:
    """Return the content of saliency_panels."""
    fields = {
        "bars": "ensemble",
        "entry": {},
        "untrained": True,
        "device": "cpu",
        "precision": "float32",
        "backend": "openvino",
        "seconds": 0.5,
        "seconds_drawing": 0.25,
    }
    return SaliencyContent(**fields | changes)
