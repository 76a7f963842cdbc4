"""The Compare page: two runs beside each other."""
