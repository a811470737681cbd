"""Tables in and out: CSV, XLSX and GeoJSON of every kind of record."""
