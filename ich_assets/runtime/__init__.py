"""What Dagster lacks for these jobs; knows no asset."""
