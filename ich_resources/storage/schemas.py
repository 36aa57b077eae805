"""What the record of each step holds: one schema per step, with a format number.

The number is raised when a field changes its meaning, comes or goes. A record without a number has
format 1. A record that does not fit its schema is not valid, and its step runs again.
"""

from collections.abc import Mapping

from ich_resources.steps import (
    BY_NAME,
    DICOM_RESULTS,
    ENSEMBLE,
    PREDICTIONS,
    PROCESSED,
    SALIENCY,
    SEQUENCE,
)
from ich_resources.storage.content import Content
from ich_resources.storage.dataset_schemas import DATASET_SCHEMAS
from ich_resources.storage.objects_schema import ObjectsContent
from ich_resources.storage.probability_schemas import (
    EnsembleContent,
    PredictionsContent,
    SequenceContent,
)
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.saliency_schema import SaliencyContent
from ich_resources.storage.sequence_schemas import SEQUENCE_SCHEMAS
from ich_resources.storage.training_schemas import TRAINING_SCHEMAS
from ich_resources.storage.training_table_schemas import TRAINING_TABLE_SCHEMAS

SCHEMAS: Mapping[str, type[Content]] = {
    PROCESSED: ProcessedContent,
    PREDICTIONS: PredictionsContent,
    ENSEMBLE: EnsembleContent,
    SEQUENCE: SequenceContent,
    SALIENCY: SaliencyContent,
    DICOM_RESULTS: ObjectsContent,
    **DATASET_SCHEMAS,
    **TRAINING_SCHEMAS,
    **TRAINING_TABLE_SCHEMAS,
    **SEQUENCE_SCHEMAS,
}
"""The schema of each step, by ``Step.code``."""


def schema_of(step: str) -> type[Content]:
    """Return the schema of a step by the name of the step."""
    return SCHEMAS[BY_NAME[step].code]
