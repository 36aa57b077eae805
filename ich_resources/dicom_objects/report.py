"""The structured report: TID 1500, one group per class (DICOM PS3.16)."""

from collections.abc import Sequence

from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    SourceImageForMeasurement,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from ich_resources.dicom_objects import terms
from ich_resources.dicom_objects.scored import MANUFACTURER, MODEL, RESEARCH, Scored, object_uid
from ich_resources.hemorrhage import ANY, CLASSES

SERIES_NUMBER = 9902
NAME = "report"


def observer(version: str) -> ObserverContext:
    """Return ich as the device that made an object.

    Parameters
    ----------
    version : str
        Version of ich.
    """
    attributes = DeviceObserverIdentifyingAttributes(
        uid=object_uid(version, "device"),
        name="ich",
        manufacturer_name=MANUFACTURER,
        model_name=MODEL,
    )
    return ObserverContext(codes.DCM.Device, attributes)


def report(scored: Scored, slices: Sequence[Dataset], version: str, software: str) -> Dataset:
    """Return the report.

    Parameters
    ----------
    scored : Scored
        The result.
    slices : sequence of Dataset
        ``source.reference`` of each slice.
    version : str
        ``objects_version``.
    software : str
        Version of ich.
    """
    groups = [_group(scored, slices, number, version, software) for number in range(len(CLASSES))]
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer(software)),
        procedure_reported=terms.CT_HEAD,
        imaging_measurements=groups,
    )
    return Comprehensive3DSR(
        evidence=list(slices),
        content=content[0],
        series_instance_uid=object_uid(version, "series of the report"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=object_uid(version, NAME),
        instance_number=1,
        series_description="ich report, RESEARCH USE ONLY",
        is_complete=True,
        record_evidence=False,
    )


def _group(
    scored: Scored, slices: Sequence[Dataset], number: int, version: str, software: str
) -> MeasurementsAndQualitativeEvaluations:
    name, term = CLASSES[number], terms.TERMS[CLASSES[number]]
    values = scored.probabilities[:, number]
    highest = slices[int(values.argmax())]
    images = [SourceImageForMeasurement(highest.SOPClassUID, highest.SOPInstanceUID)]
    measured = [_measured(float(values.max()), None, images)]
    found = scored.checkpoints(number)
    if len(found):
        measured += [
            _measured(float(found.min()), terms.MINIMUM, images),
            _measured(float(found.max()), terms.MAXIMUM, images),
            _measured(float(found.std()), terms.DEVIATION, images),
        ]
    keys = [slices[index] for index in scored.key_slices]
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=object_uid(version, "finding", number), identifier=f"ich: {name}"
        ),
        finding_type=term.finding,
        finding_sites=[FindingSite(term.site)] if term.site is not None else None,
        algorithm_id=AlgorithmIdentification(
            name=MODEL,
            version=software,
            family=terms.INTELLIGENCE,
            parameters=_parameters(scored, number),
        ),
        measurements=measured,
        qualitative_evaluations=[QualitativeEvaluation(terms.PRESENCE, _presence(scored, number))],
        source_images=[
            SourceImageForMeasurementGroup(key.SOPClassUID, key.SOPInstanceUID) for key in keys
        ],
    )


def _measured(
    value: float, derivation: Code | None, images: Sequence[SourceImageForMeasurement]
) -> Measurement:
    return Measurement(
        name=terms.PROBABILITY,
        value=round(value, 6),
        unit=terms.NO_UNITS,
        derivation=derivation,
        referenced_images=images,
    )


def _presence(scored: Scored, number: int) -> Code:
    """Return whether a class is there: only P(any) can have a threshold."""
    if scored.threshold is None or number != ANY:
        return terms.UNDETERMINED
    flagged = float(scored.probabilities[:, ANY].max()) >= scored.threshold
    return terms.PRESENT if flagged else terms.ABSENT


def _parameters(scored: Scored, number: int) -> list[str]:
    said = [RESEARCH, *([scored.banner] if scored.banner else [])]
    said.append("Probability: of the series, which is the highest of its slices")
    if scored.folds:
        said.append(
            "Minimum, maximum, standard deviation: of the checkpoints on the slice with the "
            "highest probability"
        )
    if number == ANY and scored.threshold is not None:
        said.append(f"threshold on the probability of the series: {scored.threshold:g}")
    return [*said, *scored.facts]
