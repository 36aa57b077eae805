"""The values of the tissues of the phantom, in Hounsfield units."""

AIR_HU = -1000.0
"""Air around the head and in the sinuses, in HU."""
FAT_HU = -90.0
"""Fat of the orbits, in HU."""
SCALP_HU = 35.0
"""Scalp and skin, in HU."""
BONE_HU = 1000.0
"""Skull, in HU."""
MASTOID_HU = -400.0
"""Air cells of the temporal bone, in HU."""
CSF_HU = 5.0
"""Cerebrospinal fluid in ventricles, cisterns and sulci, in HU."""
EYE_HU = 12.0
"""Vitreous body of the eye, in HU."""
WHITE_HU = 29.0
"""White matter, in HU."""
GRAY_HU = 37.0
"""Gray matter, in HU."""
FALX_HU = 50.0
"""Falx cerebri, in HU."""
HAEMATOMA_HU = 65.0
"""Intraparenchymal haematoma, in HU."""
SUBDURAL_HU = 60.0
"""Subdural haematoma, in HU."""
