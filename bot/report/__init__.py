"""The report of a month as a document, and how it is drawn; what stands in it is written elsewhere (docs/reports.md)."""
