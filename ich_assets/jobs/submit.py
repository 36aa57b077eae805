"""ich_submission: the test set predicted by every fold, and handed in as one file."""

import dagster as dg

from ich_assets.jobs.partition_runs import check_train_root, run_subject
from ich_assets.learning.holding import current_test
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.submission import SubmissionConfig
from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.runtime.retries import GPU_POOL, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_assets.training_partitions import chosen_backbones, partition_of
from ich_resources.backbones.table import FOLDS
from ich_resources.steps import SUBMISSION, TEST_PREDICTIONS
from ich_resources.storage.training_layout import fold_subject
from ich_resources.subjects import training_subject


class SubmitConfig(SubmissionConfig):
    """What is handed in, and in which order."""

    feature_files: bool = False


@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL, required_resource_keys=LEARNING_RESOURCES)
def predict_and_submit(context: dg.OpExecutionContext, config: SubmitConfig) -> None:
    """Predict the test set with every fold that has not done so, and write the submission.

    Raises
    ------
    dagster.Failure
        If a fold cannot predict, or the submission cannot be written.
    """
    resources = LearningResources.of(context)
    with naming_train_root(), quick_commits():
        check_train_root(resources)
        errors = _predict(context, resources, config)
        if not errors:
            subject = training_subject()
            options = {SUBMISSION: config.model_dump(exclude={"feature_files"})}
            with resources.train_root.records.holding(subject):
                held = {SUBMISSION: None}
                error = run_subject(
                    context, resources, "ich_submission_file", subject, held, config=options
                )
            errors = [SUBMISSION] if error else []
    if errors:
        raise dg.Failure(
            f"Failed: {', '.join(errors)} -> mend what is said above, then run the same command "
            "again: finished steps are kept",
            allow_retries=False,
        )
    context.log.info(f"Written: {resources.train_root.layout.submission}")


def _predict(
    context: dg.OpExecutionContext, resources: LearningResources, config: SubmitConfig
) -> list[str]:
    """Predict with each fold; return the folds that failed."""
    errors = []
    backbones = chosen_backbones(config.backbones)
    for backbone in backbones:
        for fold in range(FOLDS):
            name, subject = partition_of(backbone, fold), fold_subject(backbone, fold)
            options = {TEST_PREDICTIONS: {"feature_files": config.feature_files}}
            with resources.train_root.records.holding(subject):
                held = {TEST_PREDICTIONS: current_test(resources, backbone, fold)}
                error = run_subject(
                    context,
                    resources,
                    "ich_test_fold",
                    subject,
                    held,
                    partition=name,
                    config=options,
                )
            if error:
                errors.append(name)  # the step itself has said why
            (context.log.error if error else context.log.info)(
                f"{name}  {'failed' if error else 'test set predicted'}"
            )
    return errors


@dg.job(
    executor_def=dg.in_process_executor, tags={**host_tag(), **NO_CRASH_RETRIES}, **TERSE_CONSOLE
)
def ich_submission() -> None:
    """Predict the test set with every trained fold, and write the submission."""
    predict_and_submit()
