"""Tables as files for spreadsheets: what a table is, and how it becomes CSV or an Excel workbook (docs/reports.md)."""
