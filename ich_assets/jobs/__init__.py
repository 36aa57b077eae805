"""Jobs: what a person or the sensor starts."""
