"""Backups in a bucket: dumps that were proved elsewhere, uploaded, listed and fetched back."""
