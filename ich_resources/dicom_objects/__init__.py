"""Results as DICOM objects, for viewers and archives. Imported late: highdicom takes 0.8 s."""
