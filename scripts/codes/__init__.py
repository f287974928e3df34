"""The comparison of codes: what is measured, and the page that shows it."""
