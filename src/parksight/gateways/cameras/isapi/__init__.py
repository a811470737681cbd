"""Hikvision ISAPI: heads turned and asked by their maker's own HTTP interface; see QUALITY.md."""
