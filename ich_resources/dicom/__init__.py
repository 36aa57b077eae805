"""DICOM files are read, judged and converted to Hounsfield units."""
