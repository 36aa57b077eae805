"""DICOM files in, windowed slices out; the only room besides the demo that knows pydicom."""
