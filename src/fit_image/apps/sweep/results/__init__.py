"""Results of a sweep: tables, animation and page."""
