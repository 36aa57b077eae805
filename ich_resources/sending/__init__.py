"""Sends DICOM objects that results were written into: by C-STORE, and by STOW-RS."""
