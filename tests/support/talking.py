"""A job that only writes lines, for tests of Dagster's store."""

import dagster as dg


@dg.op
def says(context: dg.OpExecutionContext) -> None:
    for number in range(5):
        context.log.info(f"line {number}")


@dg.job(executor_def=dg.in_process_executor)
def talking() -> None:
    says()
